// The rows that put Rtnetlink between a client and its rtnetlink sockets.
//
// Such a socket gets a number from 960 to 1015, so that the filter can tell it from all others by the number alone, and select(2) still
// takes it; the calls that move datagrams, and those that copy descriptors, are trapped for these numbers only.  What else has such a
// number is left to the host.  unlike Linux: dup2(2) to a lower number makes a descriptor on which XDP programs are not graft's; a call
// that waits for a datagram is interrupted by fatal signals only; a client may have 56 of these sockets at a time.
#pragma once

#include <vector>

#include "client/event_loop.h"
#include "client/rtnetlink.h"
#include "client/trap_table.h"

namespace graft::client {

// Both must outlive the rows.
std::vector<TrapRow> rtnetlink_traps(Rtnetlink& rtnetlink, EventLoop& loop);

}  // namespace graft::client
