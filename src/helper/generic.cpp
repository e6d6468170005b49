// Helpers that every program type has: time, randomness, where it runs.
#include <ctime>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"

namespace graft {
namespace {

uint64_t nanoseconds(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t ktime_get_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return nanoseconds(CLOCK_MONOTONIC); }
uint64_t ktime_get_boot_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return nanoseconds(CLOCK_BOOTTIME); }
uint64_t ktime_get_coarse_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return nanoseconds(CLOCK_MONOTONIC_COARSE); }
uint64_t ktime_get_tai_ns(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return nanoseconds(CLOCK_TAI); }

// Not for secrets, as on Linux.  xorshift, a state a thread.
uint64_t get_prandom_u32(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    static thread_local uint64_t state = nanoseconds(CLOCK_MONOTONIC) ^ reinterpret_cast<uint64_t>(&state);
    state |= 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 16);
}

uint64_t get_smp_processor_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return current_run()->cpu; }
uint64_t get_numa_node_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }

constexpr Helper rows[] = {
    {.id = BPF_FUNC_ktime_get_ns, .name = "bpf_ktime_get_ns", .function = ktime_get_ns},
    {.id = BPF_FUNC_get_prandom_u32, .name = "bpf_get_prandom_u32", .function = get_prandom_u32},
    {.id = BPF_FUNC_get_smp_processor_id, .name = "bpf_get_smp_processor_id", .function = get_smp_processor_id},
    {.id = BPF_FUNC_get_numa_node_id,
     .name = "bpf_get_numa_node_id",
     .function = get_numa_node_id,
     .partly = "always node 0: graft's CPU slots belong to none"},
    {.id = BPF_FUNC_ktime_get_boot_ns, .name = "bpf_ktime_get_boot_ns", .function = ktime_get_boot_ns},
    {.id = BPF_FUNC_ktime_get_coarse_ns, .name = "bpf_ktime_get_coarse_ns", .function = ktime_get_coarse_ns},
    {.id = BPF_FUNC_ktime_get_tai_ns, .name = "bpf_ktime_get_tai_ns", .function = ktime_get_tai_ns},
};

}  // namespace

std::span<const Helper> generic_helpers() { return rows; }

}  // namespace graft
