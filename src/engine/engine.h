// Engine: runs images.
//
// run() enters the current image of a program with `context` in R1 and returns R0.  The caller holds an rcu::ReadGuard and a CPU slot and
// has set current_run().  A tail call enters the callee's current image.
#pragma once

#include <cstdint>

#include "helper/run_context.h"
#include "program/program.h"

namespace graft {

[[nodiscard]] uint64_t run(const Program& program, void* context, RunContext& run_context);

// Sets current_run() for a scope.
class RunScope {
public:
    explicit RunScope(RunContext& context) : outer_(current_run()) { current_run() = &context; }
    ~RunScope() { current_run() = outer_; }
    RunScope(const RunScope&) = delete;
    RunScope& operator=(const RunScope&) = delete;

private:
    RunContext* outer_;
};

}  // namespace graft
