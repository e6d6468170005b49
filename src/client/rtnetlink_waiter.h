// Waiting for a datagram in a client's place: recv(2) on a blocking socket whose queue is empty.
//
// The trap is answered when something is there, when SO_RCVTIMEO has passed (EAGAIN), or never, when the client is killed.
#pragma once

#include "client/event_loop.h"
#include "client/rtnetlink.h"
#include "client/user_message.h"

namespace graft::client {

// Receives at once, or answers the trap later.
Outcome receive_or_wait(Rtnetlink& rtnetlink, EventLoop& loop, const std::shared_ptr<Trap>& trap, Fd socket,
                        const IncomingMessage& message);

}  // namespace graft::client
