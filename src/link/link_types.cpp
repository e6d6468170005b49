#include "link/link_types.h"

#include "abi/bpf.h"

namespace graft {
namespace {

constexpr LinkType table[] = {
    {BPF_LINK_TYPE_RAW_TRACEPOINT, "raw_tracepoint", true, "sys_enter and sys_exit, which nothing enters: system calls are the host's"},
    {BPF_LINK_TYPE_TRACING, "tracing", true, nullptr},
    {BPF_LINK_TYPE_CGROUP, "cgroup", true, "nothing enters its programs: sockets and devices are the host's"},
    {BPF_LINK_TYPE_ITER, "iter", false, nullptr},
    {BPF_LINK_TYPE_NETNS, "netns", false, nullptr},
    {BPF_LINK_TYPE_XDP, "xdp", true, nullptr},
    {BPF_LINK_TYPE_PERF_EVENT, "perf_event", true, "tracepoints of graft's own: xdp:bpf_xdp_link_attach_failed"},
    {BPF_LINK_TYPE_KPROBE_MULTI, "kprobe_multi", false, nullptr},
    {BPF_LINK_TYPE_STRUCT_OPS, "struct_ops", false, nullptr},
    {abi::link_type_netfilter, "netfilter", false, nullptr},
    {abi::link_type_tcx, "tcx", false, nullptr},
    {abi::link_type_uprobe_multi, "uprobe_multi", false, nullptr},
    {abi::link_type_netkit, "netkit", false, nullptr},
    {abi::link_type_sockmap, "sockmap", false, nullptr},
};

}  // namespace

std::span<const LinkType> link_types() { return table; }

}  // namespace graft
