// Helpers that hand records to a client through a perf event array: what a program made, and the packet behind it.

#include <array>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/perf_event_array.h"

namespace graft {
namespace {

// flags: the index in the array, or BPF_F_CURRENT_CPU; and how many bytes of the packet follow.
uint64_t output(uint64_t map, uint64_t flags, Bytes made, Bytes packet) {
    auto* const array = static_cast<PerfEventArrayMap*>(pointer_in<Map>(map));  // the verifier lets no other type in
    const uint32_t cpu = current_run()->cpu;
    const uint64_t index = flags & BPF_F_INDEX_MASK;
    const std::array parts = {made, packet};
    return answer(array->output(index == BPF_F_CURRENT_CPU ? cpu : static_cast<uint32_t>(index), cpu, parts));
}

Bytes memory_at(uint64_t address, uint64_t size) { return {pointer_in<const std::byte>(address), static_cast<uint32_t>(size)}; }

uint32_t packet_length(uint64_t flags) { return static_cast<uint32_t>((flags & BPF_F_CTXLEN_MASK) >> 32); }

// In programs on packets verify/after puts one of the other two in its place.
uint64_t perf_event_output(uint64_t, uint64_t map, uint64_t flags, uint64_t data, uint64_t size) {
    if ((flags & ~uint64_t{BPF_F_INDEX_MASK}) != 0) return answer(-EINVAL);
    return output(map, flags, memory_at(data, size), {});
}

uint64_t xdp_output(uint64_t buff, uint64_t map, uint64_t flags, uint64_t data, uint64_t size) {
    if ((flags & ~uint64_t{BPF_F_CTXLEN_MASK | BPF_F_INDEX_MASK}) != 0) return answer(-EINVAL);
    const auto* const xdp = pointer_in<const abi::xdp_buff>(buff);
    const uint32_t length = packet_length(flags);
    if (xdp == nullptr) return answer(-EFAULT);
    const auto there = static_cast<const std::byte*>(xdp->data_end) - static_cast<const std::byte*>(xdp->data);
    if (static_cast<int64_t>(length) > there) return answer(-EFAULT);
    return output(map, flags, memory_at(data, size), {static_cast<const std::byte*>(xdp->data), length});
}

uint64_t skb_output(uint64_t buff, uint64_t map, uint64_t flags, uint64_t data, uint64_t size) {
    if ((flags & ~uint64_t{BPF_F_CTXLEN_MASK | BPF_F_INDEX_MASK}) != 0) return answer(-EINVAL);
    const auto* const skb = pointer_in<const abi::sk_buff>(buff);
    const uint32_t length = packet_length(flags);
    if (skb == nullptr || length > skb->len) return answer(-EFAULT);
    return output(map, flags, memory_at(data, size), {reinterpret_cast<const std::byte*>(skb->data), length});
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_perf_event_output,
     .name = "bpf_perf_event_output",
     .function = perf_event_output,
     .args = {Arg::ctx, Arg::const_map_ptr, Arg::anything, Arg::mem_read, Arg::const_size_or_zero},
     .gpl_only = true},
    {.id = BPF_FUNC_skb_output,
     .name = "bpf_skb_output",
     .function = skb_output,
     .args = {Arg::sk_buff, Arg::const_map_ptr, Arg::anything, Arg::mem_read, Arg::const_size_or_zero},
     .gpl_only = true},
    {.id = BPF_FUNC_xdp_output,
     .name = "bpf_xdp_output",
     .function = xdp_output,
     .args = {Arg::xdp_buff, Arg::const_map_ptr, Arg::anything, Arg::mem_read, Arg::const_size_or_zero},
     .gpl_only = true},
});

}  // namespace

std::span<const Helper> output_helpers() { return rows; }

}  // namespace graft
