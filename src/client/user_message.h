// The arguments of send(2), recv(2) and their relatives, read from a client's memory and written back to it.
//
// sendto, sendmsg, sendmmsg, write, writev; recvfrom, recvmsg, recvmmsg, read, readv.  Of the two that take several messages the first
// counts: they may do less than they were asked.  EFAULT as Linux; EMSGSIZE, EINVAL for lengths that Linux refuses.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <vector>

#include "client/rtnetlink.h"
#include "client/trap.h"

namespace graft::client {

struct OutgoingMessage {
    std::vector<std::byte> bytes;
    bool has_name = false;
    bool to_kernel = true;  // false: the name is another process's or a group's
};
Result<OutgoingMessage> read_outgoing(Trap& trap);
// The result that was sent, where the call has one beside its return value (sendmmsg); the return value.
Result<int64_t> write_sent(Trap& trap, size_t sent);

struct IncomingMessage {
    std::vector<iovec> pieces;  // of the client's buffer
    uint64_t header = 0;        // of its msghdr; 0: there is none
    uint64_t name = 0;          // where the sender's address is wanted; 0: nowhere
    uint64_t name_length = 0;   // recvfrom: where its length is
    uint32_t name_capacity = 0;
    uint64_t control = 0;
    size_t control_capacity = 0;
    int flags = 0;        // MSG_*
    bool native = false;  // graft has nothing to put right in it
    [[nodiscard]] size_t capacity() const;
};
Result<IncomingMessage> read_incoming(Trap& trap);
// What was received, into the client's memory; the call's return value.
Result<int64_t> write_received(Trap& trap, const IncomingMessage& message, const Rtnetlink::Received& received);

}  // namespace graft::client
