// Any bytes as a datagram between a client's rtnetlink socket and the host's kernel, in either direction.
//
// Input: a byte whose lowest bit says which direction, then the datagram.
// Oracle, of requests: no read outside of the datagram (it is a heap block of its own); a second reader of the format, written here from
// the rules in rtnetlink_request.h, finds the same XDP change in each message, so that none reaches the host unseen; whatever is sent in a
// request's place is one whole message with the client's sequence number and port, without IFLA_XDP and without the client's numbers of
// namespaces.
// Oracle, of answers: what comes out is of whole messages where what went in was; messages that are not about interfaces or refusals come
// out byte by byte; each interface is shown with graft's XDP state, whatever the host said; a pending answer is used once.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "client/rtnetlink_answer.h"
#include "client/rtnetlink_request.h"

namespace {

using graft::Bytes;

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "netlink: %s\n", what);
    std::abort();
}

template <class T>
T number(Bytes bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// The second reader: type (without its two upper bits) to payload, the last of a type winning; `sound`: nothing is left over.
struct Table {
    std::map<uint16_t, Bytes> of;
    bool sound = true;
    [[nodiscard]] bool has(uint16_t type) const { return of.contains(type); }
};

Table table(Bytes bytes) {
    Table read;
    while (bytes.size() >= 4) {
        const auto length = number<uint16_t>(bytes, 0);
        if (length < 4 || length > bytes.size()) break;
        read.of[number<uint16_t>(bytes, 2) & 0x3fff] = bytes.subspan(4, length - 4U);
        bytes = bytes.subspan(std::min<size_t>(bytes.size(), (length + 3U) / 4 * 4));
    }
    read.sound = bytes.empty();
    return read;
}

// What the host would do to the interface's XDP program if it saw the message.
std::optional<graft::client::XdpChange> host_sees(const Table& link) {
    if (!link.has(IFLA_XDP)) return std::nullopt;
    const Table xdp = table(link.of.at(IFLA_XDP));
    const auto size = [&xdp](uint16_t type) { return xdp.has(type) ? xdp.of.at(type).size() : 0; };
    if (xdp.has(IFLA_XDP_ATTACHED) || xdp.has(IFLA_XDP_PROG_ID) || size(IFLA_XDP_FD) < 4) return std::nullopt;
    if (xdp.has(IFLA_XDP_EXPECTED_FD) && size(IFLA_XDP_EXPECTED_FD) != 4) return std::nullopt;
    graft::client::XdpChange change;
    change.fd = number<int32_t>(xdp.of.at(IFLA_XDP_FD), 0);
    if (xdp.has(IFLA_XDP_FLAGS)) {
        if (size(IFLA_XDP_FLAGS) < 4) return std::nullopt;
        change.flags = number<uint32_t>(xdp.of.at(IFLA_XDP_FLAGS), 0);
    }
    const uint32_t modes = change.flags & (XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE | XDP_FLAGS_HW_MODE);
    if ((change.flags >> 5) != 0 || (modes & (modes - 1)) != 0) return std::nullopt;
    if ((change.flags & XDP_FLAGS_REPLACE) == 0) return change;
    if (!xdp.has(IFLA_XDP_EXPECTED_FD)) return std::nullopt;
    change.expected_fd = number<int32_t>(xdp.of.at(IFLA_XDP_EXPECTED_FD), 0);
    return change;
}

// --- requests --------------------------------------------------------------------------------------------------------------------------

// Views into `bytes`, which must live on.
Table check_replacement(Bytes bytes, const graft::netlink::Message& message) {
    require(bytes.size() >= NLMSG_HDRLEN + sizeof(ifinfomsg), "a replacement is too short");
    const auto header = number<nlmsghdr>(bytes, 0);
    require(header.nlmsg_len == bytes.size(), "a replacement is not one message");
    require(header.nlmsg_seq == message.header.nlmsg_seq && header.nlmsg_pid == message.header.nlmsg_pid,
            "a replacement is not the client's by its numbers");
    Table attributes = table(bytes.subspan(NLMSG_HDRLEN + sizeof(ifinfomsg)));
    require(attributes.sound, "a replacement's attributes are broken");
    require(!attributes.has(IFLA_XDP), "a replacement passes XDP on");
    return attributes;
}

void check_request(const graft::netlink::Message& message) {
    using namespace graft::client;
    const std::optional<LinkRequest> request = parse_link_request(message);
    const Bytes raw = message.raw;
    const bool is_link = message.header.nlmsg_type == RTM_NEWLINK || message.header.nlmsg_type == RTM_SETLINK;
    if (!is_link || raw.size() < NLMSG_HDRLEN + sizeof(ifinfomsg) || std::to_integer<int>(raw[NLMSG_HDRLEN]) == AF_BRIDGE) {
        require(!request, "something else is taken for a change of an interface");
        return;
    }
    const Table link = table(raw.subspan(NLMSG_HDRLEN + sizeof(ifinfomsg)));
    if (link.has(IFLA_TARGET_NETNSID)) return;  // the host's, all of it
    const std::optional<XdpChange> expected = host_sees(link);
    require(expected.has_value() == (request && request->xdp), "an XDP change is unseen, or seen where there is none");
    if (!request) return;
    if (expected) {
        require(expected->fd == request->xdp->fd && expected->flags == request->xdp->flags &&
                    expected->expected_fd == request->xdp->expected_fd,
                "an XDP change is read differently");
    }
    const std::vector<std::byte> stripped = without_xdp(message, -1), entering = without_xdp(message, 33);
    const Table rest = check_replacement(stripped, message);
    require(!rest.has(IFLA_NET_NS_FD) && !rest.has(IFLA_NET_NS_PID), "a replacement passes a client's namespace number on");
    const Table moved = check_replacement(entering, message);
    require(moved.has(IFLA_NET_NS_FD) && number<int32_t>(moved.of.at(IFLA_NET_NS_FD), 0) == 33, "a replacement is not for our namespace");
    check_replacement(touch_interface(message, 5, 6), message);
    check_replacement(refused_request(message), message);
    if (!request->veth) return;
    const graft::LinkSpec peer = peer_description(*request);
    require(peer.size() >= sizeof(ifinfomsg), "a peer's description is too short");
    const Table peer_attributes = table(Bytes(peer).subspan(sizeof(ifinfomsg)));
    require(!peer_attributes.has(IFLA_NET_NS_FD) && !peer_attributes.has(IFLA_NET_NS_PID), "a peer's description has a namespace number");
    const std::vector<std::byte> with_ours = with_peer(message, peer, 33);
    const Table pair = check_replacement(with_ours, message);
    const Table data = table(table(pair.of.at(IFLA_LINKINFO)).of.at(IFLA_INFO_DATA));
    require(std::ranges::equal(data.of.at(1), peer), "a pair is made with another peer than graft's");  // VETH_INFO_PEER
}

// --- answers ---------------------------------------------------------------------------------------------------------------------------

constexpr uint32_t shown_id = 4711;

class Views final : public graft::client::LinkViews {
public:
    graft::client::LinkView view(uint32_t ifindex, std::optional<int32_t>) override {
        graft::client::LinkView view;
        view.xdp.mode = XDP_ATTACHED_DRV;
        view.xdp.drv_id = shown_id;
        if (ifindex % 2 == 0) view.peer = graft::client::LinkView::Peer{7, ifindex % 4 == 0 ? std::optional<int32_t>(9) : std::nullopt};
        if (ifindex % 3 == 0) view.max_mtu = 1500;
        return view;
    }
};

void check_link(const graft::netlink::Message& message) {
    if (message.payload.size() < sizeof(ifinfomsg) || number<ifinfomsg>(message.payload, 0).ifi_family != AF_UNSPEC) return;
    const Table link = table(message.raw.subspan(NLMSG_HDRLEN + sizeof(ifinfomsg)));
    if (!link.sound || !link.has(IFLA_XDP)) return;
    const Table xdp = table(link.of.at(IFLA_XDP));
    require(xdp.sound && xdp.has(IFLA_XDP_PROG_ID) && number<uint32_t>(xdp.of.at(IFLA_XDP_PROG_ID), 0) == shown_id,
            "an interface is shown with another program than graft's");
}

void check_answer(Bytes datagram, uint8_t choice) {
    using namespace graft::client;
    std::vector<PendingAnswer> pending;
    for (uint32_t sequence = 0; sequence < 3; ++sequence) {
        PendingAnswer answer;
        answer.sequence = sequence;
        answer.decided = sequence != 1;
        answer.code = sequence == 2 ? 0 : EBUSY;
        answer.text = sequence == 0 ? "a reason" : "";
        answer.request = refused_request(graft::netlink::Message{});
        pending.push_back(std::move(answer));
    }
    Views views;
    AnswerRewriter rewriter(views, pending, {.cap_ack = (choice & 2) != 0, .ext_ack = (choice & 4) != 0});
    const std::vector<std::byte> out = rewriter.rewrite(datagram);
    std::vector<uint32_t> used = rewriter.used();
    std::ranges::sort(used);
    require(std::ranges::adjacent_find(used) == used.end(), "a pending answer was used twice");

    bool touched = false;
    for (const graft::netlink::Message& message : graft::netlink::Messages(datagram)) {
        const uint16_t type = message.header.nlmsg_type;
        touched |= type == RTM_NEWLINK || type == RTM_DELLINK || type == NLMSG_ERROR || type == RTM_NEWNSID || type == RTM_DELNSID;
    }
    for (const graft::netlink::Message& message : graft::netlink::Messages(out)) {
        if (message.header.nlmsg_type == RTM_NEWLINK || message.header.nlmsg_type == RTM_DELLINK) check_link(message);
    }
    if (touched) return;
    // Padding between messages is nobody's; it may be another.
    const graft::netlink::Messages before(datagram), after(out);
    auto now = after.begin();
    for (const graft::netlink::Message& message : before) {
        require(!(now == nullptr) && std::ranges::equal(message.raw, now->raw), "an answer of no concern is changed");
        ++now;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    // A block of exactly this size, aligned as a receive buffer is: the sanitizer sees each byte beyond.
    const std::unique_ptr<std::byte[]> block(new std::byte[size - 1]);
    if (size > 1) std::memcpy(block.get(), data + 1, size - 1);
    const Bytes datagram(block.get(), size - 1);
    if ((data[0] & 1) == 0) {
        for (const graft::netlink::Message& message : graft::netlink::Messages(datagram)) check_request(message);
    } else {
        check_answer(datagram, data[0]);
    }
    return 0;
}
