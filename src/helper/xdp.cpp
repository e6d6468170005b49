// Helpers of XDP programs: the frame's edges, and where it goes.
#include <cstring>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/devmap.h"

namespace graft {
namespace {

constexpr int32_t ethernet_header = 14;
constexpr int64_t longest_metadata = 255;
constexpr int64_t frame_header = 40;  // Linux keeps its xdp_frame in the headroom's beginning: programs cannot have these bytes
constexpr uint64_t fallback_actions = XDP_ABORTED | XDP_DROP | XDP_PASS | XDP_TX;

using Byte = unsigned char;
abi::xdp_buff& frame_at(uint64_t address) { return *reinterpret_cast<abi::xdp_buff*>(address); }
Byte* at(void* pointer) { return static_cast<Byte*>(pointer); }
uint64_t failure(int code) { return static_cast<uint64_t>(-int64_t{code}); }

bool has_metadata(const abi::xdp_buff& frame) { return frame.data_meta <= frame.data; }

uint64_t adjust_head(uint64_t context, uint64_t offset, uint64_t, uint64_t, uint64_t) {
    abi::xdp_buff& frame = frame_at(context);
    const auto by = static_cast<int32_t>(offset);
    const int64_t metadata = has_metadata(frame) ? at(frame.data) - at(frame.data_meta) : 0;
    const int64_t start = at(frame.data) - at(frame.data_hard_start) + by;
    const int64_t end = at(frame.data_end) - at(frame.data_hard_start);
    if (start < frame_header + metadata || start > end - ethernet_header) return failure(EINVAL);
    if (metadata != 0) std::memmove(at(frame.data_meta) + by, frame.data_meta, static_cast<size_t>(metadata));
    frame.data_meta = at(frame.data_meta) + by;
    frame.data = at(frame.data) + by;
    return 0;
}

uint64_t adjust_tail(uint64_t context, uint64_t offset, uint64_t, uint64_t, uint64_t) {
    abi::xdp_buff& frame = frame_at(context);
    const auto by = static_cast<int32_t>(offset);
    const int64_t end = at(frame.data_end) - at(frame.data_hard_start) + by;
    if (end > int64_t{frame.frame_sz} - abi::xdp_tailroom) return failure(EINVAL);
    if (end < at(frame.data) - at(frame.data_hard_start) + ethernet_header) return failure(EINVAL);
    if (by > 0) std::memset(frame.data_end, 0, static_cast<size_t>(by));
    frame.data_end = at(frame.data_end) + by;
    return 0;
}

uint64_t adjust_meta(uint64_t context, uint64_t offset, uint64_t, uint64_t, uint64_t) {
    abi::xdp_buff& frame = frame_at(context);
    if (!has_metadata(frame)) return failure(abi::enotsupp);
    const auto by = static_cast<int32_t>(offset);
    const int64_t start = at(frame.data_meta) - at(frame.data_hard_start) + by;
    const int64_t size = at(frame.data) - at(frame.data_hard_start) - start;
    if (start < frame_header || size < 0) return failure(EINVAL);
    if (size % 4 != 0 || size > longest_metadata) return failure(EACCES);
    frame.data_meta = at(frame.data_meta) + by;
    return 0;
}

uint64_t get_buff_len(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) {
    const abi::xdp_buff& frame = frame_at(context);
    return static_cast<uint64_t>(at(frame.data_end) - at(frame.data));
}

bool inside(const abi::xdp_buff& frame, uint32_t offset, uint32_t size) {
    return uint64_t{offset} + size <= static_cast<uint64_t>(at(frame.data_end) - at(frame.data));
}

uint64_t load_bytes(uint64_t context, uint64_t offset, uint64_t buffer, uint64_t size, uint64_t) {
    const abi::xdp_buff& frame = frame_at(context);
    if (!inside(frame, static_cast<uint32_t>(offset), static_cast<uint32_t>(size))) return failure(EINVAL);
    std::memcpy(reinterpret_cast<void*>(buffer), at(frame.data) + static_cast<uint32_t>(offset), static_cast<uint32_t>(size));
    return 0;
}

uint64_t store_bytes(uint64_t context, uint64_t offset, uint64_t buffer, uint64_t size, uint64_t) {
    const abi::xdp_buff& frame = frame_at(context);
    if (!inside(frame, static_cast<uint32_t>(offset), static_cast<uint32_t>(size))) return failure(EINVAL);
    std::memmove(at(frame.data) + static_cast<uint32_t>(offset), reinterpret_cast<const void*>(buffer), static_cast<uint32_t>(size));
    return 0;
}

uint64_t redirect(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t) {
    if (flags != 0) return XDP_ABORTED;
    current_run()->redirect = {};
    current_run()->redirect.ifindex = static_cast<uint32_t>(ifindex);
    return XDP_REDIRECT;
}

// An empty entry answers with the action in the lowest bits of the flags.
uint64_t redirect_map(uint64_t map, uint64_t index, uint64_t flags, uint64_t, uint64_t) {
    RedirectTarget& target = current_run()->redirect;
    target = {};
    if ((flags & ~(fallback_actions | BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS)) != 0) return XDP_ABORTED;
    auto& devices = static_cast<DevmapMap&>(*reinterpret_cast<Map*>(map));
    const DevmapEntry* entry = devices.entry(static_cast<uint32_t>(index));
    if (entry == nullptr && (flags & BPF_F_BROADCAST) == 0) return flags & fallback_actions;
    target.map = &devices;
    target.flags = flags & (BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
    if (entry != nullptr) {
        target.ifindex = entry->value.ifindex;
        target.program = entry->program.get();
    }
    return XDP_REDIRECT;
}

constexpr Helper rows[] = {
    {.id = BPF_FUNC_redirect, .name = "bpf_redirect", .function = redirect, .args = {Arg::anything, Arg::anything}},
    {.id = BPF_FUNC_xdp_adjust_head,
     .name = "bpf_xdp_adjust_head",
     .function = adjust_head,
     .args = {Arg::ctx, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_redirect_map,
     .name = "bpf_redirect_map",
     .function = redirect_map,
     .args = {Arg::const_map_ptr, Arg::anything, Arg::anything},
     .partly = "devmap and devmap_hash; BPF_F_BROADCAST goes nowhere yet"},
    {.id = BPF_FUNC_xdp_adjust_meta,
     .name = "bpf_xdp_adjust_meta",
     .function = adjust_meta,
     .args = {Arg::ctx, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_xdp_adjust_tail,
     .name = "bpf_xdp_adjust_tail",
     .function = adjust_tail,
     .args = {Arg::ctx, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_xdp_get_buff_len, .name = "bpf_xdp_get_buff_len", .function = get_buff_len, .args = {Arg::ctx}},
    {.id = BPF_FUNC_xdp_load_bytes,
     .name = "bpf_xdp_load_bytes",
     .function = load_bytes,
     .args = {Arg::ctx, Arg::anything, Arg::mem_write, Arg::const_size}},
    {.id = BPF_FUNC_xdp_store_bytes,
     .name = "bpf_xdp_store_bytes",
     .function = store_bytes,
     .args = {Arg::ctx, Arg::anything, Arg::mem_read, Arg::const_size}},
};

}  // namespace

std::span<const Helper> xdp_helpers() { return rows; }

}  // namespace graft
