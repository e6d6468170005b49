#include "engine/engine.h"

#include <ctime>

namespace graft {

uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

void RunTimer::count() const {
    program_.run_time_ns.fetch_add(now_ns() - start_, std::memory_order_relaxed);
    program_.run_count.fetch_add(1, std::memory_order_relaxed);
}

uint64_t call_function(const Program& program, uint32_t subprogram, const uint64_t* arguments, RunContext& run_context) {
    run_context.generation = program.generation();
    run_context.tail_calls = 0;
    const Image& image = current_image(program, run_context);
    const Callback& function = image.functions[image.callees[subprogram]].by_address;
    return function.call(function, arguments, run_context);
}

uint64_t run_counted(const Program& program, void* context, RunContext& run_context) {
    const RunTimer timer(program);
    return enter(current_image(program, run_context), context, run_context);
}

}  // namespace graft
