#include "engine/engine.h"

#include <ctime>

namespace graft {
namespace {

uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

uint64_t run_counted(const Program& program, void* context, RunContext& run_context) {
    const uint64_t start = now_ns();
    const uint64_t result = enter(*rcu::load(program.image), context, run_context);
    program.run_time_ns.fetch_add(now_ns() - start, std::memory_order_relaxed);
    program.run_count.fetch_add(1, std::memory_order_relaxed);
    return result;
}

}  // namespace graft
