// Helpers of ring buffers.  What a run has reserved is noted in its RunContext until it is given back; the verifier sees to it that it is.

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/ringbuf.h"

namespace graft {
namespace {

constexpr uint64_t wake_flags = BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP;

RingbufMap& ring_of(uint64_t map) { return static_cast<RingbufMap&>(*pointer_in<Map>(map)); }

uint64_t reserve(uint64_t map, uint64_t size, uint64_t flags, uint64_t, uint64_t) {
    if (flags != 0) return 0;
    RingbufMap& ring = ring_of(map);
    const RingbufMap::Reservation reserved = ring.reserve(size);
    if (reserved.record == nullptr) return 0;
    current_run()->reservations.push_back({.record = reserved.record, .ring = &ring, .position = reserved.position});
    return reinterpret_cast<uint64_t>(reserved.record);
}

void finish(uint64_t record, uint64_t flags, RingbufMap::End end) {
    auto& held = current_run()->reservations;
    const auto found = std::ranges::find(held, pointer_in<std::byte>(record), &RingReservation::record);
    if (found == held.end()) return;
    static_cast<RingbufMap*>(found->ring)->finish({.record = found->record, .position = found->position}, end, flags);
    held.erase(found);
}

uint64_t submit(uint64_t record, uint64_t flags, uint64_t, uint64_t, uint64_t) {
    finish(record, flags, RingbufMap::End::submit);
    return 0;
}
uint64_t discard(uint64_t record, uint64_t flags, uint64_t, uint64_t, uint64_t) {
    finish(record, flags, RingbufMap::End::discard);
    return 0;
}

uint64_t output(uint64_t map, uint64_t from, uint64_t size, uint64_t flags, uint64_t) {
    if ((flags & ~wake_flags) != 0) return answer(-EINVAL);
    RingbufMap& ring = ring_of(map);
    const RingbufMap::Reservation reserved = ring.reserve(size);
    if (reserved.record == nullptr) return answer(-EAGAIN);
    std::memcpy(reserved.record, pointer_in<const void>(from), size);
    ring.finish(reserved, RingbufMap::End::submit, flags);
    return 0;
}

uint64_t query(uint64_t map, uint64_t what, uint64_t, uint64_t, uint64_t) { return ring_of(map).query(what); }

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_ringbuf_output,
     .name = "bpf_ringbuf_output",
     .function = output,
     .args = {Arg::const_map_ptr, Arg::mem_read, Arg::const_size_or_zero, Arg::anything}},
    {.id = BPF_FUNC_ringbuf_reserve,
     .name = "bpf_ringbuf_reserve",
     .function = reserve,
     .ret = Ret::ringbuf_mem_or_null,
     .args = {Arg::const_map_ptr, Arg::const_alloc_size_or_zero, Arg::anything},
     .acquires = true},
    {.id = BPF_FUNC_ringbuf_submit,
     .name = "bpf_ringbuf_submit",
     .function = submit,
     .ret = Ret::nothing,
     .args = {Arg::alloc_mem, Arg::anything},
     .releases = 1},
    {.id = BPF_FUNC_ringbuf_discard,
     .name = "bpf_ringbuf_discard",
     .function = discard,
     .ret = Ret::nothing,
     .args = {Arg::alloc_mem, Arg::anything},
     .releases = 1},
    {.id = BPF_FUNC_ringbuf_query, .name = "bpf_ringbuf_query", .function = query, .args = {Arg::const_map_ptr, Arg::anything}},
});

}  // namespace

std::span<const Helper> ringbuf_helpers() { return rows; }

}  // namespace graft
