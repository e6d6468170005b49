// kprobe, tracepoint, raw_tracepoint, perf_event, lirc_mode2: programs on events of the host's kernel, which graft does not have.  Clients
// probe with them.
//
// Their contexts are what the event hands over; nothing is converted.
#include <linux/bpf_perf_event.h>

#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

constexpr uint32_t pt_regs_size = 168;  // x86-64
constexpr uint32_t max_trace_size = 8192;
constexpr uint32_t raw_arguments = 12;

std::optional<CtxAccess> read_between(uint32_t begin, uint32_t end, uint32_t offset, uint32_t size, bool is_write) {
    if (is_write || offset < begin || offset >= end || offset % size != 0 || offset + size > end) return std::nullopt;
    return CtxAccess{};
}

std::optional<CtxAccess> kprobe_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return read_between(0, pt_regs_size, offset, size, is_write);
}
// The first eight bytes are the kernel's own.
std::optional<CtxAccess> tracepoint_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return read_between(sizeof(void*), max_trace_size, offset, size, is_write);
}
std::optional<CtxAccess> raw_tracepoint_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return read_between(0, raw_arguments * sizeof(uint64_t), offset, size, is_write);
}

// The first argument is the event's own buffer, which the program may write to.
std::optional<CtxAccess> raw_tracepoint_writable_access(uint32_t offset, uint32_t size, bool is_write, uint32_t attach_type) {
    if (offset != 0) return raw_tracepoint_access(offset, size, is_write, attach_type);
    if (is_write || size != sizeof(uint64_t)) return std::nullopt;
    return CtxAccess{.field = CtxField::tp_buffer};
}

// Registers word by word; what was sampled in parts, too.
std::optional<CtxAccess> perf_event_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    constexpr uint32_t sample = offsetof(bpf_perf_event_data, sample_period);
    if (offset < sample && size != sizeof(uint64_t)) return std::nullopt;
    return read_between(0, sizeof(bpf_perf_event_data), offset, size, is_write);
}
// One sample.
std::optional<CtxAccess> lirc_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    if (is_write || offset != 0 || size != sizeof(uint32_t)) return std::nullopt;
    return CtxAccess{};
}

using CtxRule = std::optional<CtxAccess> (*)(uint32_t, uint32_t, bool, uint32_t);
constexpr ProgType event_type(uint32_t type, const char* name, const char* ctx, const char* kernel_ctx, CtxRule rule,
                              bool (*helper)(uint32_t, uint32_t) = kprobe_has_helper) {
    return {.type = type,
            .name = name,
            .ctx_struct = ctx,
            .kernel_ctx_struct = kernel_ctx,
            .ctx_access = rule,
            .convert_ctx_access = nullptr,
            .allows_helper = helper,
            .packet_access = false,
            .packet_write = false,
            .return_range = nullptr,
            .attachable = false,
            .partly = "for probes only: it is verified, but the events are the host kernel's"};
}

}  // namespace

const ProgType kprobe_type = event_type(BPF_PROG_TYPE_KPROBE, "kprobe", "bpf_user_pt_regs_t", "pt_regs", kprobe_access);
const ProgType tracepoint_type = [] {
    ProgType type = event_type(BPF_PROG_TYPE_TRACEPOINT, "tracepoint", "u64", "u64", tracepoint_access);
    type.attachable = true;
    type.partly = "at graft's own tracepoints: xdp:bpf_xdp_link_attach_failed";
    return type;
}();
const ProgType raw_tracepoint_type =
    event_type(BPF_PROG_TYPE_RAW_TRACEPOINT, "raw_tracepoint", "bpf_raw_tracepoint_args", "u64", raw_tracepoint_access);

const ProgType raw_tracepoint_writable_type = event_type(BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, "raw_tracepoint_writable",
                                                         "bpf_raw_tracepoint_args", "u64", raw_tracepoint_writable_access);

const ProgType perf_event_type = event_type(BPF_PROG_TYPE_PERF_EVENT, "perf_event", "bpf_perf_event_data", "bpf_perf_event_data_kern",
                                            perf_event_access, perf_event_has_helper);
const ProgType lirc_mode2_type = event_type(BPF_PROG_TYPE_LIRC_MODE2, "lirc_mode2", "u32", "u32", lirc_access, lirc_has_helper);

}  // namespace graft
