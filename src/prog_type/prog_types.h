// The rows of the table of program types.
#pragma once

#include "prog_type/prog_type.h"

namespace graft {

extern const ProgType socket_filter_type, kprobe_type, sched_cls_type, sched_act_type, tracepoint_type, xdp_type, cgroup_sock_type,
    raw_tracepoint_type, tracing_type, ext_type;

}  // namespace graft
