// Dynptrs: pointers whose bounds are checked when they are used.  Helpers, and the kernel functions (kfuncs) beside them.
//
// A dynptr of a frame is the frame as it is now: what it leads to moves with it.
#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/families.h"
#include "helper/kfuncs.h"
#include "helper/skb_buffer.h"

namespace graft {
namespace {

using abi::bpf_dynptr_kern;
using abi::dynptr_kind;

constexpr uint32_t largest = (1U << 24) - 1;  // bytes

bpf_dynptr_kern& dynptr_at(uint64_t address) { return *pointer_in<bpf_dynptr_kern>(address); }

uint64_t make(uint64_t at, dynptr_kind kind, void* data, uint64_t size, uint64_t flags) {
    bpf_dynptr_kern& dynptr = dynptr_at(at);
    dynptr = {};
    if (flags != 0) return answer(-EINVAL);
    if (size > largest) return answer(-E2BIG);
    dynptr = {.data = data, .size = static_cast<uint32_t>(size), .kind = kind, .rdonly = 0, .unused = 0};
    return 0;
}

uint64_t frame_length(const abi::xdp_buff& frame) {
    return static_cast<uint64_t>(static_cast<const char*>(frame.data_end) - static_cast<const char*>(frame.data));
}

uint64_t from_mem(uint64_t data, uint64_t size, uint64_t flags, uint64_t to, uint64_t) {
    return make(to, dynptr_kind::local, pointer_in<void>(data), static_cast<uint32_t>(size), flags);
}
uint64_t from_skb(uint64_t context, uint64_t flags, uint64_t to, uint64_t, uint64_t) {
    auto& skb = *pointer_in<abi::sk_buff>(context);
    return make(to, dynptr_kind::skb, &skb, skb.len, flags);
}
uint64_t from_xdp(uint64_t context, uint64_t flags, uint64_t to, uint64_t, uint64_t) {
    auto& frame = *pointer_in<abi::xdp_buff>(context);
    return make(to, dynptr_kind::xdp, &frame, frame_length(frame), flags);
}

// [offset, offset + size) of what it leads to; null: not all of it is there.
unsigned char* bytes_of(const bpf_dynptr_kern& dynptr, uint32_t offset, uint32_t size) {
    if (size > dynptr.size || offset > dynptr.size - size) return nullptr;
    switch (dynptr.kind) {
        case dynptr_kind::local:
            return static_cast<unsigned char*>(dynptr.data) + offset;
        case dynptr_kind::skb:
            return skb_buffer::at(*static_cast<abi::sk_buff*>(dynptr.data), offset, size);
        case dynptr_kind::xdp: {
            const auto& frame = *static_cast<const abi::xdp_buff*>(dynptr.data);
            return uint64_t{offset} + size > frame_length(frame) ? nullptr : static_cast<unsigned char*>(frame.data) + offset;
        }
        case dynptr_kind::none:
            break;
    }
    return nullptr;
}

uint64_t read(uint64_t to, uint64_t size, uint64_t from, uint64_t offset, uint64_t flags) {
    const bpf_dynptr_kern& dynptr = dynptr_at(from);
    const auto count = static_cast<uint32_t>(size), start = static_cast<uint32_t>(offset);
    if (dynptr.data == nullptr || flags != 0) return answer(-EINVAL);
    if (count > dynptr.size || start > dynptr.size - count) return answer(-E2BIG);
    const unsigned char* const bytes = bytes_of(dynptr, start, count);
    if (bytes == nullptr) return answer(dynptr.kind == dynptr_kind::xdp ? -EINVAL : -EFAULT);
    std::memmove(pointer_in<void>(to), bytes, count);
    return 0;
}

uint64_t write(uint64_t to, uint64_t offset, uint64_t from, uint64_t size, uint64_t flags) {
    const bpf_dynptr_kern& dynptr = dynptr_at(to);
    const auto count = static_cast<uint32_t>(size), start = static_cast<uint32_t>(offset);
    const uint64_t known = dynptr.kind == dynptr_kind::skb ? BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH : 0;
    if (dynptr.data == nullptr || dynptr.rdonly != 0) return answer(-EINVAL);
    if (count > dynptr.size || start > dynptr.size - count) return answer(-E2BIG);
    if ((flags & ~known) != 0) return answer(-EINVAL);
    unsigned char* const bytes = bytes_of(dynptr, start, count);
    if (bytes == nullptr) return answer(dynptr.kind == dynptr_kind::xdp ? -EINVAL : -EFAULT);
    std::memmove(bytes, pointer_in<const void>(from), count);
    if ((flags & BPF_F_INVALIDATE_HASH) != 0) static_cast<abi::sk_buff*>(dynptr.data)->hash = 0;
    return 0;
}

// The memory itself: only where it does not move.
uint64_t data(uint64_t at, uint64_t offset, uint64_t size, uint64_t, uint64_t) {
    const bpf_dynptr_kern& dynptr = dynptr_at(at);
    if (dynptr.kind != dynptr_kind::local || dynptr.rdonly != 0) return 0;
    return reinterpret_cast<uint64_t>(bytes_of(dynptr, static_cast<uint32_t>(offset), static_cast<uint32_t>(size)));
}

// Frames lie in one piece, so nothing is ever copied to the program's buffer.
uint64_t slice(uint64_t at, uint64_t offset, uint64_t, uint64_t size, uint64_t) {
    const bpf_dynptr_kern& dynptr = dynptr_at(at);
    if (dynptr.data == nullptr) return 0;
    return reinterpret_cast<uint64_t>(bytes_of(dynptr, static_cast<uint32_t>(offset), static_cast<uint32_t>(size)));
}
uint64_t slice_rdwr(uint64_t at, uint64_t offset, uint64_t buffer, uint64_t size, uint64_t) {
    return dynptr_at(at).rdonly != 0 ? 0 : slice(at, offset, buffer, size, 0);
}

constexpr auto helper_rows = std::to_array<Helper>({
    {.id = BPF_FUNC_dynptr_from_mem,
     .name = "bpf_dynptr_from_mem",
     .function = from_mem,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::anything, Arg::new_local_dynptr}},
    {.id = BPF_FUNC_dynptr_read,
     .name = "bpf_dynptr_read",
     .function = read,
     .args = {Arg::mem_write, Arg::const_size_or_zero, Arg::dynptr, Arg::anything, Arg::anything}},
    {.id = BPF_FUNC_dynptr_write,
     .name = "bpf_dynptr_write",
     .function = write,
     .args = {Arg::dynptr, Arg::anything, Arg::mem_read, Arg::const_size_or_zero, Arg::anything}},
    {.id = BPF_FUNC_dynptr_data,
     .name = "bpf_dynptr_data",
     .function = data,
     .ret = Ret::dynptr_mem_or_null,
     .args = {Arg::dynptr, Arg::anything, Arg::const_alloc_size_or_zero}},
});

constexpr auto kfunc_rows = std::to_array<Helper>({
    {.id = dynptr_kfunc,
     .name = "bpf_dynptr_from_skb",
     .function = from_skb,
     .args = {Arg::ctx, Arg::scalar, Arg::new_skb_dynptr},
     .partly = "of tc programs"},
    {.id = dynptr_kfunc + 1, .name = "bpf_dynptr_from_xdp", .function = from_xdp, .args = {Arg::ctx, Arg::scalar, Arg::new_xdp_dynptr}},
    {.id = dynptr_kfunc + 2,
     .name = "bpf_dynptr_slice",
     .function = slice,
     .ret = Ret::rdonly_slice_or_null,
     .args = {Arg::dynptr, Arg::scalar, Arg::slice_buffer, Arg::slice_size}},
    {.id = dynptr_kfunc + 3,
     .name = "bpf_dynptr_slice_rdwr",
     .function = slice_rdwr,
     .ret = Ret::slice_or_null,
     .args = {Arg::dynptr, Arg::scalar, Arg::slice_buffer, Arg::slice_size}},
});

}  // namespace

std::span<const Helper> dynptr_helpers() { return helper_rows; }

std::span<const Helper> dynptr_kfuncs() { return kfunc_rows; }

}  // namespace graft
