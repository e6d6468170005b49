// Runtime: what all runs of a kernel's programs share: the CPUs they run on, and where they print.
//
// Stay: a thread's stay on one of these CPUs, with an RCU read section and a RunContext that helpers find.  For a batch of packets, not for
// ever: others wait for the CPU.
#pragma once

#include "base/cpus.h"
#include "base/rcu.h"
#include "helper/run_context.h"
#include "helper/trace_buffer.h"

namespace graft {

struct Runtime {
    Cpus cpus;
    TraceBuffer trace;  // bpf_trace_printk
};

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

class Stay {
public:
    explicit Stay(Runtime& runtime) : cpu_(runtime.cpus), scope_(context) {
        context.cpu = cpu_.index();
        context.trace = &runtime.trace;
    }
    RunContext context;

private:
    const Cpus::Slot cpu_;
    const rcu::ReadGuard guard_;
    const RunScope scope_;
};

}  // namespace graft
