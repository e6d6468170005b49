// Engine: makes images executable and runs them.
//
// Two steps, because a program is compiled once and linked often: compile() at load, link() whenever the links that reach it change.
// run() enters the current image of a program with `context` in R1 and returns R0.  The caller holds an rcu::ReadGuard and a CPU slot and
// has set current_run(); for each packet it sets RunContext::generation to `newest`.  A tail call enters the callee's current image.
#pragma once

#include <cstdint>
#include <memory>

#include "base/rcu.h"
#include "base/result.h"
#include "helper/runtime.h"
#include "program/program.h"

namespace graft {

// Stateless: one object serves every kernel and thread.
class Engine {
public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual const char* name() const = 0;
    // ENOMEM may come as std::bad_alloc.
    virtual Result<std::unique_ptr<EngineCode>> compile(const VerifiedProgram& program) const = 0;
    // Sets image.enter and each function's code.  Every program in it was compiled by this engine.
    virtual Result<void> link(Image& image) const = 0;
};

// The portable reference.
[[nodiscard]] const Engine& interpreter();

[[nodiscard]] inline uint64_t enter(const Image& image, void* context, RunContext& run_context) {
    run_context.tail_calls = 0;
    return image.enter(image, context, run_context);
}

[[nodiscard]] uint64_t now_ns();  // CLOCK_MONOTONIC

// Counts a run of a program, and its time, while somebody has BPF_ENABLE_STATS on.
class RunTimer {
public:
    explicit RunTimer(const Program& program) : program_(program), start_(program.counts_runs() ? now_ns() : 0) {}
    ~RunTimer() {
        if (start_ != 0) [[unlikely]]
            count();
    }
    RunTimer(const RunTimer&) = delete;
    RunTimer& operator=(const RunTimer&) = delete;

private:
    void count() const;
    const Program& program_;
    const uint64_t start_;  // 0: nobody counts
};

// The image of a program that this packet enters.
[[nodiscard]] inline const Image& current_image(const Program& program, const RunContext& run_context) {
    const Image* image = rcu::load(program.image);
    while (image->generation > run_context.generation) [[unlikely]]
        image = image->previous;
    return *image;
}

// Enters and counts, while somebody has BPF_ENABLE_STATS on.
[[nodiscard]] uint64_t run_counted(const Program& program, void* context, RunContext& run_context);

[[nodiscard]] inline uint64_t run(const Program& program, void* context, RunContext& run_context) {
    if (run_context.generation == RunContext::newest) run_context.generation = program.generation();
    if (program.counts_runs()) [[unlikely]]
        return run_counted(program, context, run_context);
    return enter(current_image(program, run_context), context, run_context);
}

// Calls one function of a program, in its current image, for nobody: a timer's callback.  `arguments`: R1 to R5.
uint64_t call_function(const Program& program, uint32_t subprogram, const uint64_t* arguments, RunContext& run_context);

}  // namespace graft
