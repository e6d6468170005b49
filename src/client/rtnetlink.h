// Rtnetlink: what happens to the datagrams between a client's rtnetlink socket and the host's kernel.
//
// The socket is a genuine one in the client's network namespace; the host answers nearly everything.  What graft does itself:
//   IFLA_XDP in a change            applied to XdpDevices; the host gets a request that changes nothing, so that the acknowledgement is its
//   own a veth pair                     two pairs with hidden far ends (PortTable); the host creates the client's link, with another peer
//   what graft refuses              the host gets a request that it refuses too; the errno is put right when the client reads it
//   answers and notifications       see rtnetlink_answer.h
// Because the answer lies in the socket's queue all the time, poll and epoll are the host's.  Before a client gets an answer, everything
// that its request caused has been followed (PortTable::drain): a peer is gone when `ip link del` returns.
//
// Surprising: a datagram is peeked at, and taken out of the queue only when the client has got all of it: what is put in may make it too
// long for the client's buffer, and then it comes in several pieces.
//
// Thread safety: all methods; requests of one socket may be handled in parallel with its answers.
// Ownership: nothing here keeps a client's socket or namespace alive.  A socket is known by its cookie (SO_COOKIE); what is kept for one
// that its client closed without reading is dropped when too much has piled up.
#pragma once

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "client/rtnetlink_answer.h"
#include "client/rtnetlink_request.h"
#include "hook/xdp.h"
#include "object/caller.h"
#include "port/port_table.h"

namespace graft::client {

// The client of one request.
class LinkClient {
public:
    virtual ~LinkClient() = default;
    virtual Result<DescriptorRef> descriptor(int fd) = 0;
    // A number in the client's tables, as a namespace.  EBADF, EINVAL, ESRCH as Linux.
    virtual Result<Fd> net_namespace(NamespaceNumber number) = 0;
    // CAP_NET_ADMIN in the user namespace that owns `netns`.
    virtual bool may_administer(int netns) = 0;
    // Its thread group, which Linux gives to a socket as its first address.
    [[nodiscard]] virtual uint32_t process() const = 0;
    // One line that the client's user should see.
    virtual void tell(const std::string& line) = 0;
};

class Rtnetlink {
public:
    // ports null: there are none here; veth pairs are then the host's.
    Rtnetlink(XdpDevices& xdp, PortTable* ports) : xdp_(xdp), ports_(ports) {}

    // A datagram to the host's kernel.  Nothing: the host is to carry the call out itself.  Else what send(2) returns.
    std::optional<Result<size_t>> send(LinkClient& client, int socket, Bytes datagram);

    struct Receive {
        size_t capacity = 0;  // of the client's buffer
        size_t control_capacity = 0;
        int flags = 0;  // MSG_PEEK and MSG_TRUNC count
    };
    struct Received {
        std::vector<std::byte> bytes;  // at most capacity
        size_t result = 0;             // what recv(2) returns
        int flags = 0;                 // msg_flags
        sockaddr_nl name{};
        std::vector<std::byte> control;
    };
    // Never waits.  EAGAIN: nothing is there; else the socket's own error.
    Result<Received> receive(int socket, const Receive& request);

    // What is kept of requests whose answers nobody has read yet.
    [[nodiscard]] size_t pending_bytes() {
        const std::lock_guard guard(lock_);
        return pending_bytes_;
    }

private:
    // A socket's datagram as it was peeked at, and what is known about answers to come.
    struct Conversation {
        std::vector<PendingAnswer> pending;
        size_t pending_bytes = 0;
        std::vector<std::byte> raw, shown;
        size_t delivered = 0;  // of shown
        std::vector<uint32_t> used;
        std::list<uint64_t>::iterator age;
    };
    struct Sender {
        LinkClient& client;
        int socket;
        uint64_t netns_cookie;
        Fd netns;
    };

    // True: the request has been carried out or refused.  False: the host is to see it as it is.
    Result<bool> carry_out(const Sender& sender, const netlink::Message& message);
    Result<void> change_xdp(const Sender& sender, const netlink::Message& message, const LinkRequest& request, uint32_t ifindex,
                            std::string& why);
    Result<void> create_pair(const Sender& sender, const netlink::Message& message, const LinkRequest& request, std::string& why);
    Result<void> change_rest(const Sender& sender, const netlink::Message& message, const LinkRequest& request, std::string& why);
    Result<Ref<Program>> program(LinkClient& client, int fd);
    void note_move(const Sender& sender, const LinkRequest& request);
    Result<void> refuse(const Sender& sender, const netlink::Message& message, const Error& error, const std::string& why);

    void expect(int socket, PendingAnswer answer);
    void forget(int socket, uint32_t sequence);
    Conversation& conversation(uint64_t cookie);
    void drop(Conversation& talk, std::vector<PendingAnswer>::iterator answer);
    void end(uint64_t cookie);
    void end_if_idle(uint64_t cookie);
    Result<Received> hand_over(int socket, uint64_t cookie, const Receive& request, Received received);

    XdpDevices& xdp_;
    PortTable* ports_;
    std::mutex lock_;
    std::unordered_map<uint64_t, Conversation> conversations_;  // by SO_COOKIE
    std::list<uint64_t> ages_;                                  // their cookies, oldest first
    size_t pending_bytes_ = 0;                                  // of all conversations
};

}  // namespace graft::client
