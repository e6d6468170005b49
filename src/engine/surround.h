// run_surrounded(): a call of a traced function: its fentry programs, itself, its fexit programs.  What engines share of it.
//
// A tracing program that is running on this CPU already is not entered again: that is a miss, counted for the program.  It starts with no
// tail calls made, and those it makes are not the traced program's.  A function that an exception leaves is not traced at its exit (Linux
// 6.12 crashes).
#pragma once

#include <array>

#include "engine/engine.h"
#include "helper/trace_frame.h"

namespace graft {

using Arguments = std::array<uint64_t, TraceFrame::max_args>;  // R1 to R5

class TraceScope {
public:
    TraceScope(const Program& program, RunContext& run) : run_(run), active_{&program, run.traces}, tail_calls_(run.tail_calls) {
        for (const ActiveTrace* outer = run.traces; outer != nullptr; outer = outer->outer) admitted_ &= outer->program != &program;
        if (!admitted_) {
            program.recursion_misses.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        run.traces = &active_;
        run.tail_calls = 0;
    }
    ~TraceScope() {
        run_.traces = active_.outer;
        run_.tail_calls = tail_calls_;
    }
    TraceScope(const TraceScope&) = delete;
    TraceScope& operator=(const TraceScope&) = delete;
    [[nodiscard]] bool admitted() const { return admitted_; }

private:
    RunContext& run_;
    ActiveTrace active_;
    uint32_t tail_calls_;
    bool admitted_ = true;
};

// `call(index, arguments)` calls Image::functions[index] (a traced tracing program is a surround itself) and returns R0.
template <class Call>
uint64_t run_surrounded(const Surround& surround, const Arguments& arguments, RunContext& run, const Call& call) {
    TraceFrame frame;
    frame.address = surround.address;
    frame.arg_count = surround.arg_count;
    for (uint32_t i = 0; i < surround.arg_count; ++i) frame.values[i] = arguments[i];
    const auto trace = [&](const Trace& each) {
        const TraceScope scope(*each.program, run);
        if (!scope.admitted()) return;
        frame.cookie = each.cookie;
        const RunTimer timer(*each.program);
        call(each.function, Arguments{reinterpret_cast<uint64_t>(frame.values)});
    };
    for (const Trace& each : surround.entries) trace(each);
    const uint64_t start = surround.counters ? now_ns() : 0;
    const uint64_t result = call(surround.function, arguments);
    if (run.thrown) [[unlikely]]
        return result;  // it did not return: there is no exit to trace
    if (surround.counters) surround.counters->count(static_cast<uint32_t>(result), now_ns() - start);
    frame.result() = result;
    frame.has_result = true;
    for (const Trace& each : surround.exits) trace(each);
    return result;
}

}  // namespace graft
