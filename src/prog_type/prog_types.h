// The rows of the table of program types.
#pragma once

#include "prog_type/prog_type.h"

namespace graft {

extern const ProgType socket_filter_type, kprobe_type, sched_cls_type, sched_act_type, tracepoint_type, xdp_type, cgroup_sock_type,
    raw_tracepoint_type, tracing_type, ext_type, perf_event_type, lirc_mode2_type, cgroup_skb_type, lwt_in_type, lwt_out_type,
    lwt_xmit_type, lwt_seg6local_type, sock_ops_type, sk_skb_type, sk_msg_type, sk_reuseport_type, sk_lookup_type, flow_dissector_type,
    cgroup_sock_addr_type, cgroup_device_type, cgroup_sysctl_type, cgroup_sockopt_type, raw_tracepoint_writable_type, lsm_type,
    struct_ops_type, syscall_type, netfilter_type;

}  // namespace graft
