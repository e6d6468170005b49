// Which helpers a program type may call, by number.
#pragma once

#include <cstdint>

namespace graft {

[[nodiscard]] bool every_type_has_helper(uint32_t id);
[[nodiscard]] bool xdp_has_helper(uint32_t id);
[[nodiscard]] bool sched_cls_has_helper(uint32_t id);  // sched_act too
[[nodiscard]] bool socket_filter_has_helper(uint32_t id);
[[nodiscard]] bool cgroup_sock_has_helper(uint32_t id);
[[nodiscard]] bool kprobe_has_helper(uint32_t id);  // tracepoint and raw_tracepoint too
[[nodiscard]] bool tracing_has_helper(uint32_t id);  // fentry and fexit

}  // namespace graft
