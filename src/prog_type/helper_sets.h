// Which helpers a program type may call, by number and the program's expected_attach_type.
#pragma once

#include <cstdint>

namespace graft {

[[nodiscard]] bool every_type_has_helper(uint32_t id);
[[nodiscard]] bool xdp_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sched_cls_has_helper(uint32_t id, uint32_t expected_attach_type);  // sched_act too
[[nodiscard]] bool socket_filter_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_sock_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool kprobe_has_helper(uint32_t id, uint32_t expected_attach_type);   // tracepoint and raw_tracepoint too
[[nodiscard]] bool tracing_has_helper(uint32_t id, uint32_t expected_attach_type);  // fentry and fexit
[[nodiscard]] bool perf_event_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_skb_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool lwt_in_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool lwt_out_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool lwt_xmit_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool lwt_seg6local_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sock_ops_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sk_skb_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sk_msg_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_device_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_sock_addr_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_sysctl_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool cgroup_sockopt_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sk_reuseport_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool flow_dissector_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool netfilter_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool lirc_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool sk_lookup_has_helper(uint32_t id, uint32_t expected_attach_type);
[[nodiscard]] bool syscall_has_helper(uint32_t id, uint32_t expected_attach_type);

}  // namespace graft
