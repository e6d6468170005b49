// Helpers on an XDP frame: abi::xdp_buff is the context.

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/families.h"

namespace graft {
namespace {

constexpr ptrdiff_t ethernet_header = 14;
// Linux keeps its xdp_frame at the start of the headroom, so programs cannot grow into it.
constexpr ptrdiff_t kept_headroom = 40;
constexpr ptrdiff_t largest_metadata = 252;  // a multiple of 4 in 8 bits

std::byte* bytes(void* pointer) { return static_cast<std::byte*>(pointer); }

bool has_metadata_area(const abi::xdp_buff& frame) { return frame.data_meta <= frame.data; }

uint64_t adjust_head(uint64_t context, uint64_t by, uint64_t, uint64_t, uint64_t) {
    auto& frame = *pointer_in<abi::xdp_buff>(context);
    const ptrdiff_t offset = static_cast<int32_t>(by);
    const ptrdiff_t metadata = has_metadata_area(frame) ? bytes(frame.data) - bytes(frame.data_meta) : 0;
    // In distances from the start of the buffer: a pointer outside of it must not even be formed.
    std::byte* const start = bytes(frame.data_hard_start);
    const ptrdiff_t data = bytes(frame.data) - start + offset;
    if (data < kept_headroom + metadata || data > bytes(frame.data_end) - start - ethernet_header) return answer(-EINVAL);
    if (metadata > 0) std::memmove(bytes(frame.data_meta) + offset, frame.data_meta, static_cast<size_t>(metadata));
    frame.data_meta = bytes(frame.data_meta) + offset;
    frame.data = start + data;
    return 0;
}

uint64_t adjust_meta(uint64_t context, uint64_t by, uint64_t, uint64_t, uint64_t) {
    auto& frame = *pointer_in<abi::xdp_buff>(context);
    if (!has_metadata_area(frame)) return answer(-abi::enotsupp);
    std::byte* const start = bytes(frame.data_hard_start);
    const ptrdiff_t meta = bytes(frame.data_meta) - start + static_cast<int32_t>(by), data = bytes(frame.data) - start;
    if (meta < kept_headroom || meta > data) return answer(-EINVAL);
    const ptrdiff_t size = data - meta;
    if (size % 4 != 0 || size > largest_metadata) return answer(-EACCES);
    frame.data_meta = start + meta;
    return 0;
}

uint64_t adjust_tail(uint64_t context, uint64_t by, uint64_t, uint64_t, uint64_t) {
    auto& frame = *pointer_in<abi::xdp_buff>(context);
    std::byte* const start = bytes(frame.data_hard_start);
    const ptrdiff_t offset = static_cast<int32_t>(by), old_end = bytes(frame.data_end) - start, end = old_end + offset;
    const ptrdiff_t limit = static_cast<ptrdiff_t>(frame.frame_sz) - ptrdiff_t{abi::xdp_tailroom};
    if (end > limit || end < bytes(frame.data) - start + ethernet_header) return answer(-EINVAL);
    if (offset > 0) std::memset(frame.data_end, 0, static_cast<size_t>(offset));
    frame.data_end = start + end;
    return 0;
}

uint64_t length(const abi::xdp_buff& frame) {
    return static_cast<uint64_t>(static_cast<const std::byte*>(frame.data_end) - static_cast<const std::byte*>(frame.data));
}

uint64_t get_buff_len(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) { return length(*pointer_in<abi::xdp_buff>(context)); }

// 0, or why `size` bytes at `offset` of the frame cannot be copied.
int64_t check_range(const abi::xdp_buff& frame, uint32_t offset, uint32_t size) {
    if (offset > 0xffff || size > 0xffff) return -EFAULT;
    return uint64_t{offset} + size > length(frame) ? -EINVAL : 0;
}

uint64_t load_bytes(uint64_t context, uint64_t offset, uint64_t to, uint64_t size, uint64_t) {
    const auto& frame = *pointer_in<abi::xdp_buff>(context);
    const auto at = static_cast<uint32_t>(offset), count = static_cast<uint32_t>(size);
    if (const int64_t error = check_range(frame, at, count); error != 0) return answer(error);
    std::memmove(pointer_in<void>(to), bytes(frame.data) + at, count);
    return 0;
}

uint64_t store_bytes(uint64_t context, uint64_t offset, uint64_t from, uint64_t size, uint64_t) {
    const auto& frame = *pointer_in<abi::xdp_buff>(context);
    const auto at = static_cast<uint32_t>(offset), count = static_cast<uint32_t>(size);
    if (const int64_t error = check_range(frame, at, count); error != 0) return answer(error);
    std::memmove(bytes(frame.data) + at, pointer_in<const void>(from), count);
    return 0;
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_xdp_adjust_head,
     .name = "bpf_xdp_adjust_head",
     .function = adjust_head,
     .args = {Arg::ctx, Arg::anything},
     .changes_packet = true},
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
});

}  // namespace

std::span<const Helper> xdp_helpers() { return rows; }

}  // namespace graft
