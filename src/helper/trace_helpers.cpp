// Helpers of fentry and fexit programs: the traced call.

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/trace_frame.h"

namespace graft {
namespace {

uint64_t get_func_arg(uint64_t context, uint64_t n, uint64_t value, uint64_t, uint64_t) {
    const TraceFrame& frame = TraceFrame::of(context);
    if (static_cast<uint32_t>(n) >= frame.arg_count) return answer(-EINVAL);
    *pointer_in<uint64_t>(value) = frame.values[static_cast<uint32_t>(n)];
    return 0;
}

uint64_t get_func_ret(uint64_t context, uint64_t value, uint64_t, uint64_t, uint64_t) {
    TraceFrame& frame = TraceFrame::of(context);
    if (!frame.has_result) return answer(-EOPNOTSUPP);
    *pointer_in<uint64_t>(value) = frame.result();
    return 0;
}

uint64_t get_func_arg_cnt(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) { return TraceFrame::of(context).arg_count; }

uint64_t get_func_ip(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) { return TraceFrame::of(context).address; }

uint64_t get_attach_cookie(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) { return TraceFrame::of(context).cookie; }

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_get_func_arg, .name = "bpf_get_func_arg", .function = get_func_arg, .args = {Arg::ctx, Arg::anything, Arg::long_ptr}},
    {.id = BPF_FUNC_get_func_ret, .name = "bpf_get_func_ret", .function = get_func_ret, .args = {Arg::ctx, Arg::long_ptr}},
    {.id = BPF_FUNC_get_func_arg_cnt, .name = "bpf_get_func_arg_cnt", .function = get_func_arg_cnt, .args = {Arg::ctx}},
    {.id = BPF_FUNC_get_func_ip, .name = "bpf_get_func_ip", .function = get_func_ip, .args = {Arg::ctx}, .gpl_only = true},
    {.id = BPF_FUNC_get_attach_cookie, .name = "bpf_get_attach_cookie", .function = get_attach_cookie, .args = {Arg::ctx}},
});

}  // namespace

std::span<const Helper> trace_helpers() { return rows; }

}  // namespace graft
