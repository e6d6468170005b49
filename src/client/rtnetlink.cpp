// The requests; answers are in rtnetlink_receive.cpp.
#include "client/rtnetlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include "port/link.h"
#include "port/netns.h"

namespace graft::client {
namespace {

constexpr size_t largest_peer = 32768;  // bytes of a VETH_INFO_PEER; what surrounds it must still fit an attribute

uint32_t index_by_name(int socket, const std::string& name) {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name) return 0;
    name.copy(request.ifr_name, name.size());
    return ioctl(socket, SIOCGIFINDEX, &request) == 0 ? static_cast<uint32_t>(request.ifr_ifindex) : 0;
}

// The interface that a request is about; 0: there is none.
uint32_t existing_interface(int socket, const LinkRequest& request) {
    if (request.header.ifi_index == 0) return index_by_name(socket, request.name);
    if (request.header.ifi_index < 0) return 0;
    ifreq name{};
    name.ifr_ifindex = request.header.ifi_index;
    return ioctl(socket, SIOCGIFNAME, &name) == 0 ? static_cast<uint32_t>(request.header.ifi_index) : 0;
}

// Linux gives a socket that has no address yet its process's number, when it sends; here graft sends.
void bind_as_client(int socket, uint32_t process) {
    sockaddr_nl address{};
    socklen_t length = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (getsockname(socket, raw, &length) != 0 || address.nl_pid != 0) return;
    address.nl_pid = process;
    address.nl_groups = 0;
    if (bind(socket, raw, sizeof address) == 0) return;
    address.nl_pid = 0;  // taken: the host chooses
    if (bind(socket, raw, sizeof address) != 0) return;
}

Result<void> send_to_host(int socket, Bytes bytes) {
    sockaddr_nl host{};
    host.nl_family = AF_NETLINK;
    while (sendto(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&host), sizeof host) < 0) {
        if (errno != EINTR) return fail(errno, "cannot send to rtnetlink");
    }
    return {};
}

std::vector<std::byte> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

bool wants_answer(const netlink::Message& message) { return (message.header.nlmsg_flags & NLM_F_ACK) != 0; }

}  // namespace

std::optional<Result<size_t>> Rtnetlink::send(LinkClient& client, int socket, Bytes datagram) {
    size_t concerned = 0, messages = 0;
    for (const netlink::Message& message : netlink::Messages(datagram)) {
        ++messages;
        if (parse_link_request(message)) ++concerned;
    }
    if (concerned == 0) return std::nullopt;

    const auto cookie = netns_cookie_of_socket(socket);
    auto netns = network_namespace_of_socket(socket);
    if (!cookie.ok() || !netns.ok()) return std::nullopt;  // the host refuses the client in its own words, too
    Sender sender{client, socket, *cookie, std::move(*netns)};
    if (ports_ != nullptr) {
        (void)ports_->learn(sender.netns_cookie, sender.netns.get());
        ports_->drain();
    }
    bind_as_client(socket, client.process());
    for (const netlink::Message& message : netlink::Messages(datagram)) {
        const Result<bool> done = carry_out(sender, message);
        if (!done.ok()) return Result<size_t>(done.error());
        if (*done) continue;
        if (messages == 1) return std::nullopt;
        // One of several: what comes before it or after it is graft's, so graft must send it, with the client's rights.
        const bool only_asks = (message.header.nlmsg_type & 3U) == 2;  // RTM_GET*
        const Result<void> sent = only_asks || client.may_administer(sender.netns.get()) ? send_to_host(socket, message.raw)
                                                                                         : refuse(sender, message, fail(EPERM), {});
        if (!sent.ok()) return Result<size_t>(sent.error());
    }
    return Result<size_t>(datagram.size());
}

Result<bool> Rtnetlink::carry_out(const Sender& sender, const netlink::Message& message) {
    const auto request = parse_link_request(message);
    if (!request) return false;
    if (request->netns) note_move(sender, *request);
    const uint32_t ifindex = existing_interface(sender.socket, *request);
    Result<void> done;
    std::string why;
    if (ifindex != 0) {
        const bool is_new_only =
            message.header.nlmsg_type == RTM_NEWLINK && (message.header.nlmsg_flags & (NLM_F_EXCL | NLM_F_REPLACE)) != 0;
        if (is_new_only) return false;
        const auto peer = ports_ != nullptr && request->mtu ? ports_->peer_of({sender.netns_cookie, ifindex}) : std::nullopt;
        const auto limit = peer ? xdp_.peer_mtu_limit(peer->key) : std::nullopt;
        if (limit && *request->mtu > *limit) {
            done = fail(EINVAL, "mtu greater than device maximum");
        } else if (request->xdp) {
            done = change_xdp(sender, message, *request, ifindex, why);
        } else {
            return false;
        }
    } else if (request->create && request->veth && ports_ != nullptr && request->veth->spec.size() <= largest_peer) {
        done = create_pair(sender, message, *request, why);
    } else {
        return false;
    }
    if (!done.ok()) TRY(refuse(sender, message, done.error(), why));
    return true;
}

Result<Ref<Program>> Rtnetlink::program(LinkClient& client, int fd) {
    const DescriptorRef found = TRY(client.descriptor(fd));
    if (!found.object || found.object->object_kind() != ObjectKind::program) return fail(EINVAL);
    return static_ref_cast<Program>(found.object);
}

Result<void> Rtnetlink::change_xdp(const Sender& sender, const netlink::Message& message, const LinkRequest& request, uint32_t ifindex,
                                   std::string& why) {
    if (!sender.client.may_administer(sender.netns.get())) return fail(EPERM);
    // In Linux's order: all the rest comes first, and stays when the program is refused.
    if (request.changes_more) TRY(change_rest(sender, message, request, why));
    XdpDevices::NetlinkRequest change;
    change.flags = request.xdp->flags;
    if (request.xdp->fd >= 0) change.program = TRY(program(sender.client, request.xdp->fd));
    if (request.xdp->expected_fd.value_or(-1) >= 0) change.expected = TRY(program(sender.client, *request.xdp->expected_fd));
    const DeviceKey key{sender.netns_cookie, ifindex};
    const bool attaches = static_cast<bool>(change.program);
    if (const Result<void> set = xdp_.set_by_netlink(key, change); !set.ok()) {
        if (set.error().reason != nullptr) why = set.error().reason;
        return set;
    }
    uint32_t group = 0;
    ifreq name{};
    name.ifr_ifindex = static_cast<int>(ifindex);
    if (ioctl(sender.socket, SIOCGIFNAME, &name) != 0) return fail(ENODEV);
    TRY(in_network_namespace(sender.netns.get(), [&]() -> Result<void> {
        netlink::Socket socket = TRY(netlink::Socket::open());
        group = TRY(get_link(socket, ifindex)).group;
        return {};
    }));
    if (attaches && (ports_ == nullptr || !ports_->is_port(key)))
        sender.client.tell(std::string("graft: ") + name.ifr_name +
                           " is no port of graft's: no packets pass through the XDP program on it\n");
    PendingAnswer answer{message.header.nlmsg_seq, false, 0, {}, copy(message.raw)};
    if (wants_answer(message)) expect(sender.socket, std::move(answer));
    return send_to_host(sender.socket, touch_interface(message, ifindex, group));
}

// With graft's own socket: its answer must be known before the client's is written.
Result<void> Rtnetlink::change_rest(const Sender& sender, const netlink::Message& message, const LinkRequest& request, std::string& why) {
    Fd netns;
    if (request.netns) netns = TRY(sender.client.net_namespace(*request.netns));
    const std::vector<std::byte> bytes = without_xdp(message, netns.get());
    const auto rest = netlink::first_message(bytes);
    return in_network_namespace(sender.netns.get(), [&]() -> Result<void> {
        netlink::Socket socket = TRY(netlink::Socket::open());
        netlink::Builder builder(rest->header.nlmsg_type, rest->header.nlmsg_flags & ~NLM_F_ECHO);
        builder.bytes(rest->payload);
        const Result<void> done = socket.request(builder);
        why = socket.refusal();
        return done;
    });
}

Result<void> Rtnetlink::create_pair(const Sender& sender, const netlink::Message& message, const LinkRequest& request, std::string& why) {
    Fd link_netns, peer_netns;
    if (request.netns) link_netns = TRY(sender.client.net_namespace(*request.netns));
    const auto number =
        request.veth->separate ? namespace_number(netlink::Attributes(request.veth->spec.subspan(sizeof(ifinfomsg)))) : request.netns;
    if (number) peer_netns = TRY(sender.client.net_namespace(*number));
    const int link_in = link_netns ? link_netns.get() : sender.netns.get();
    const int peer_in = peer_netns ? peer_netns.get() : sender.netns.get();
    for (const int netns : {sender.netns.get(), link_in, peer_in}) {
        if (!sender.client.may_administer(netns)) return fail(EPERM);
    }
    const uint64_t link_cookie = TRY(netns_cookie(link_in));
    const uint64_t peer_cookie = TRY(netns_cookie(peer_in));
    TRY(ports_->learn(link_cookie, link_in));
    TRY(ports_->learn(peer_cookie, peer_in));
    if (link_cookie != peer_cookie) PortTable::introduce(link_in, peer_in);

    const PortTable::Pending pending = TRY(ports_->begin(peer_description(request), peer_in, why));
    // Before the request: another thread of the client may read the answer at once.
    PendingAnswer answer{message.header.nlmsg_seq, false, 0, {}, copy(message.raw)};
    expect(sender.socket, answer);
    const Result<void> sent = send_to_host(sender.socket, with_peer(message, ports_->peer_spec(pending), link_netns.get()));
    if (!sent.ok()) {
        ports_->abandon(pending);
        forget(sender.socket, message.header.nlmsg_seq);
        return sent;
    }
    const Result<uint32_t> port = ports_->commit(pending);
    if (port.ok()) {
        if (!wants_answer(message)) forget(sender.socket, message.header.nlmsg_seq);
        return {};
    }
    if (port.code() == ENODEV) return {};  // the host has refused, and its answer is under way
    sender.client.tell(std::string("graft: the veth pair carries no packets and was deleted: ") + std::strerror(port.code()) + '\n');
    if (!wants_answer(message)) {
        forget(sender.socket, message.header.nlmsg_seq);
        return port.error();
    }
    answer.decided = true;
    answer.code = port.code();
    if (port.error().reason != nullptr) answer.text = port.error().reason;
    forget(sender.socket, message.header.nlmsg_seq);
    expect(sender.socket, std::move(answer));
    return {};
}

// An end of a port may be about to move; once it has, nobody could tell which namespace it is in.
void Rtnetlink::note_move(const Sender& sender, const LinkRequest& request) {
    if (ports_ == nullptr) return;
    const Result<Fd> netns = sender.client.net_namespace(*request.netns);
    if (!netns.ok()) return;
    const Result<uint64_t> cookie = netns_cookie(netns.value().get());
    if (!cookie.ok() || cookie.value() == sender.netns_cookie) return;
    (void)ports_->learn(cookie.value(), netns.value().get());
    PortTable::introduce(sender.netns.get(), netns.value().get());
}

Result<void> Rtnetlink::refuse(const Sender& sender, const netlink::Message& message, const Error& error, const std::string& why) {
    PendingAnswer answer;
    answer.sequence = message.header.nlmsg_seq;
    answer.decided = true;
    answer.code = error.code;
    answer.text = why;
    answer.request = copy(message.raw);
    expect(sender.socket, std::move(answer));
    const Result<void> sent = send_to_host(sender.socket, refused_request(message));
    if (!sent.ok()) forget(sender.socket, message.header.nlmsg_seq);
    return sent;
}

}  // namespace graft::client
