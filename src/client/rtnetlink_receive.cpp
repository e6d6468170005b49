// The answers' half of Rtnetlink.
#include <linux/if_link.h>
#include <linux/net_namespace.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "client/rtnetlink.h"
#include "port/netns.h"

namespace graft::client {
namespace {

// Nobody says that a socket has been closed: the oldest conversations go for newer ones.  Of the answers to one that does not read the
// host keeps no more than its queue holds, either.
constexpr size_t most_conversations = 1024, most_pending_of_one = 1 << 20, most_pending = 1 << 25;
constexpr size_t learnt_capacity = 65536;  // what a larger buffer of the client adds, the host does not use

size_t bytes_of_answer(const PendingAnswer& answer) { return sizeof answer + answer.text.size() + answer.request.size(); }

Result<uint64_t> socket_cookie(int socket) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return fail(errno, "SO_COOKIE");
    return cookie;
}

bool netlink_option(int socket, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(socket, SOL_NETLINK, option, &value, &size) == 0 && value != 0;
}

// The datagram at the head of the queue, left there.
Result<std::vector<std::byte>> peek(int socket, Rtnetlink::Received& received) {
    std::vector<std::byte> bytes;
    while (true) {
        const ssize_t size = recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail(errno);
        bytes.resize(static_cast<size_t>(size));
        alignas(cmsghdr) std::array<std::byte, 512> control;
        iovec piece{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_name = &received.name;
        message.msg_namelen = sizeof received.name;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = recvmsg(socket, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno);
        if (got != size) continue;  // another one by now
        received.control.assign(control.begin(), control.begin() + static_cast<std::ptrdiff_t>(message.msg_controllen));
        return bytes;
    }
}

// Takes it out.  The host learns how large the client's buffer is, and fills the next datagrams of a dump accordingly.
void consume(int socket, size_t capacity) {
    std::vector<std::byte> scratch(std::min(std::max<size_t>(capacity, 1), learnt_capacity));
    while (recv(socket, scratch.data(), scratch.size(), MSG_DONTWAIT) < 0 && errno == EINTR) {
    }
}

// How many bytes of whole messages fit.
size_t whole_messages(Bytes datagram, size_t capacity) {
    size_t size = 0;
    for (const netlink::Message& message : netlink::Messages(datagram)) {
        const size_t end = std::min(datagram.size(), size + netlink::align(message.raw.size()));
        if (end > capacity) break;
        size = end;
    }
    return size;
}

class Views final : public LinkViews {
public:
    Views(XdpDevices& xdp, PortTable* ports, uint64_t cookie) : xdp_(xdp), ports_(ports), cookie_(cookie) {}

    LinkView view(uint32_t ifindex, std::optional<int32_t> nsid) override {
        LinkView view;
        DeviceKey key{cookie_, ifindex};
        if (nsid) key.netns_cookie = ports_ != nullptr ? ports_->cookie_seen_from(cookie_, *nsid) : 0;
        view.xdp = xdp_.query(key);
        const auto peer = ports_ != nullptr ? ports_->peer_of(key) : std::nullopt;
        if (!peer) return view;
        view.peer = {peer->ifindex, peer->nsid};
        view.max_mtu = xdp_.peer_mtu_limit(peer->key);
        return view;
    }

private:
    XdpDevices& xdp_;
    PortTable* ports_;
    uint64_t cookie_;
};

}  // namespace

Result<Rtnetlink::Received> Rtnetlink::receive(int socket, const Receive& request) {
    const uint64_t cookie = TRY(socket_cookie(socket));
    const uint64_t netns = TRY(netns_cookie_of_socket(socket));
    if (ports_ != nullptr) ports_->drain();
    const std::lock_guard guard(lock_);
    while (true) {
        Received received;
        std::vector<std::byte> raw = TRY(peek(socket, received));
        Conversation& talk = conversation(cookie);
        // What the client has peeked at, or got a piece of, stays as it was then.
        if (talk.raw != raw || talk.shown.empty()) {
            Views views(xdp_, ports_, netns);
            AnswerRewriter rewriter(views, talk.pending,
                                    {netlink_option(socket, NETLINK_CAP_ACK), netlink_option(socket, NETLINK_EXT_ACK)});
            const bool from_host = received.name.nl_pid == 0;
            talk.shown = from_host ? rewriter.rewrite(raw) : raw;
            talk.used = from_host ? rewriter.used() : std::vector<uint32_t>{};
            talk.delivered = 0;
            talk.raw = std::move(raw);
        }
        if (talk.shown.empty() && !talk.raw.empty()) {
            consume(socket, request.capacity);
            talk.raw.clear();
            end_if_idle(cookie);
            continue;
        }
        return hand_over(socket, cookie, request, std::move(received));
    }
}

Result<Rtnetlink::Received> Rtnetlink::hand_over(int socket, uint64_t cookie, const Receive& request, Received received) {
    Conversation& talk = conversation(cookie);
    const Bytes rest = Bytes(talk.shown).subspan(talk.delivered);
    size_t piece = rest.size();
    // It would have fitted without what was put in.
    if (rest.size() > request.capacity && (talk.raw.size() <= request.capacity || talk.delivered != 0)) {
        const size_t whole = whole_messages(rest, request.capacity);
        if (whole != 0) piece = whole;
    }
    const size_t copied = std::min(piece, request.capacity);
    received.bytes.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(copied));
    received.result = (request.flags & MSG_TRUNC) != 0 ? piece : copied;
    if (copied < piece) received.flags |= MSG_TRUNC;
    if (received.control.size() > request.control_capacity) {
        received.control.resize(request.control_capacity);
        received.flags |= MSG_CTRUNC;
    }
    if ((request.flags & MSG_PEEK) != 0) return received;
    if (piece < rest.size()) {
        talk.delivered += piece;
        return received;
    }
    consume(socket, request.capacity);
    for (const uint32_t sequence : talk.used) {
        const auto it =
            std::find_if(talk.pending.begin(), talk.pending.end(), [&](const PendingAnswer& p) { return p.sequence == sequence; });
        if (it != talk.pending.end()) drop(talk, it);
    }
    talk.used.clear();
    talk.raw.clear();
    talk.shown.clear();
    talk.delivered = 0;
    end_if_idle(cookie);
    return received;
}

void Rtnetlink::expect(int socket, PendingAnswer answer) {
    const Result<uint64_t> cookie = socket_cookie(socket);
    if (!cookie.ok()) return;
    const std::lock_guard guard(lock_);
    Conversation& talk = conversation(cookie.value());
    const size_t bytes = bytes_of_answer(answer);
    if (talk.pending_bytes + bytes > most_pending_of_one) return;
    talk.pending.push_back(std::move(answer));
    talk.pending_bytes += bytes;
    pending_bytes_ += bytes;
    while (pending_bytes_ > most_pending && ages_.front() != cookie.value()) end(ages_.front());
}

void Rtnetlink::drop(Conversation& talk, std::vector<PendingAnswer>::iterator answer) {
    const size_t bytes = bytes_of_answer(*answer);
    talk.pending_bytes -= bytes;
    pending_bytes_ -= bytes;
    talk.pending.erase(answer);
}

void Rtnetlink::forget(int socket, uint32_t sequence) {
    const Result<uint64_t> cookie = socket_cookie(socket);
    if (!cookie.ok()) return;
    const std::lock_guard guard(lock_);
    Conversation& talk = conversation(cookie.value());
    const auto newest =
        std::find_if(talk.pending.rbegin(), talk.pending.rend(), [&](const PendingAnswer& p) { return p.sequence == sequence; });
    if (newest != talk.pending.rend()) drop(talk, std::next(newest).base());
    end_if_idle(cookie.value());
}

Rtnetlink::Conversation& Rtnetlink::conversation(uint64_t cookie) {
    const auto [it, fresh] = conversations_.try_emplace(cookie);
    if (!fresh) return it->second;
    it->second.age = ages_.insert(ages_.end(), cookie);
    if (conversations_.size() > most_conversations) end(ages_.front());
    return conversations_.at(cookie);
}

void Rtnetlink::end(uint64_t cookie) {
    const auto it = conversations_.find(cookie);
    pending_bytes_ -= it->second.pending_bytes;
    ages_.erase(it->second.age);
    conversations_.erase(it);
}

void Rtnetlink::end_if_idle(uint64_t cookie) {
    const auto it = conversations_.find(cookie);
    if (it != conversations_.end() && it->second.pending.empty() && it->second.raw.empty()) end(cookie);
}

}  // namespace graft::client
