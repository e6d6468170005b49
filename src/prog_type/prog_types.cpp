#include "prog_type/prog_types.h"

#include <algorithm>
#include <array>

namespace graft {
namespace {

// An extension's rules are those of its target, which is known only after the attach check: it has none of its own.
std::optional<CtxAccess> no_access(uint32_t, uint32_t, bool, uint32_t) { return std::nullopt; }
bool no_helper(uint32_t, uint32_t) { return false; }

constexpr auto table = std::to_array<const ProgType*>({
    &socket_filter_type,
    &kprobe_type,
    &sched_cls_type,
    &sched_act_type,
    &tracepoint_type,
    &xdp_type,
    &perf_event_type,
    &cgroup_skb_type,
    &cgroup_sock_type,
    &lwt_in_type,
    &lwt_out_type,
    &lwt_xmit_type,
    &sock_ops_type,
    &sk_skb_type,
    &cgroup_device_type,
    &sk_msg_type,
    &raw_tracepoint_type,
    &cgroup_sock_addr_type,
    &lwt_seg6local_type,
    &lirc_mode2_type,
    &sk_reuseport_type,
    &flow_dissector_type,
    &cgroup_sysctl_type,
    &cgroup_sockopt_type,
    &raw_tracepoint_writable_type,
    &tracing_type,
    &struct_ops_type,
    &ext_type,
    &lsm_type,
    &sk_lookup_type,
    &syscall_type,
    &netfilter_type,
});

constexpr std::array names = {
    "UNSPEC",
    "SOCKET_FILTER",
    "KPROBE",
    "SCHED_CLS",
    "SCHED_ACT",
    "TRACEPOINT",
    "XDP",
    "PERF_EVENT",
    "CGROUP_SKB",
    "CGROUP_SOCK",
    "LWT_IN",
    "LWT_OUT",
    "LWT_XMIT",
    "SOCK_OPS",
    "SK_SKB",
    "CGROUP_DEVICE",
    "SK_MSG",
    "RAW_TRACEPOINT",
    "CGROUP_SOCK_ADDR",
    "LWT_SEG6LOCAL",
    "LIRC_MODE2",
    "SK_REUSEPORT",
    "FLOW_DISSECTOR",
    "CGROUP_SYSCTL",
    "RAW_TRACEPOINT_WRITABLE",
    "CGROUP_SOCKOPT",
    "TRACING",
    "STRUCT_OPS",
    "EXT",
    "LSM",
    "SK_LOOKUP",
    "SYSCALL",
    "NETFILTER",
};
static_assert(names.size() == abi::prog_type_end);

}  // namespace

const ProgType ext_type = {.type = BPF_PROG_TYPE_EXT,
                           .name = "ext",
                           .ctx_struct = nullptr,
                           .kernel_ctx_struct = nullptr,
                           .ctx_access = no_access,
                           .convert_ctx_access = nullptr,
                           .allows_helper = no_helper,
                           .packet_access = false,
                           .packet_write = false,
                           .return_range = nullptr,
                           .attachable = true,
                           .partly = nullptr};

std::span<const ProgType* const> prog_types() { return table; }

const ProgType* find_prog_type(uint32_t type) {
    const auto found = std::find_if(table.begin(), table.end(), [type](const ProgType* row) { return row->type == type; });
    return found == table.end() ? nullptr : *found;
}

const char* prog_type_name(uint32_t type) { return type < names.size() ? names[type] : nullptr; }

}  // namespace graft
