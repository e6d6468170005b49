// Clocks.

#include <array>
#include <ctime>

#include "abi/bpf.h"
#include "helper/families.h"

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

// A kernel of 250 ticks a second, as Debian's, counts from 5 minutes before the 32-bit wrap.
uint64_t jiffies64(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    constexpr uint64_t hz = 250;
    constexpr uint64_t at_boot = static_cast<uint32_t>(-300 * static_cast<int>(hz));
    return at_boot + nanoseconds(CLOCK_MONOTONIC_COARSE) / (1'000'000'000 / hz);
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_ktime_get_ns, .name = "bpf_ktime_get_ns", .function = ktime_get_ns},
    {.id = BPF_FUNC_ktime_get_boot_ns, .name = "bpf_ktime_get_boot_ns", .function = ktime_get_boot_ns},
    {.id = BPF_FUNC_ktime_get_coarse_ns, .name = "bpf_ktime_get_coarse_ns", .function = ktime_get_coarse_ns},
    {.id = BPF_FUNC_ktime_get_tai_ns, .name = "bpf_ktime_get_tai_ns", .function = ktime_get_tai_ns},
    {.id = BPF_FUNC_jiffies64, .name = "bpf_jiffies64", .function = jiffies64},
});

}  // namespace

std::span<const Helper> time_helpers() { return rows; }

}  // namespace graft
