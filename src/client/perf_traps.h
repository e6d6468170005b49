// The rows that give clients perf events: perf_event_open(2) of PERF_COUNT_SW_BPF_OUTPUT and of graft's tracepoints, the ioctls that
// switch one on and off, and epoll_ctl(2), since the memfd that a client gets, of an event or of a ring buffer, cannot be waited for.
// Other perf events are the host's.
#pragma once

#include <vector>

#include "client/gateway.h"
#include "client/trap_table.h"

namespace graft::client {

// The gateway must outlive the rows.
std::vector<TrapRow> perf_traps(Gateway& gateway);

}  // namespace graft::client
