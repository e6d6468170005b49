// The part of PortTable that follows what clients and the kernel do to visible ends.
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "port/port_table.h"

namespace graft {
namespace {

constexpr int notification_buffer = 8 << 20;  // bytes of queued notifications, where the kernel allows it

// The namespace a notification comes from; nothing: the socket's own.
std::optional<int32_t> origin(msghdr& message) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr; control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_NETLINK || control->cmsg_type != NETLINK_LISTEN_ALL_NSID) continue;
        int32_t nsid = -1;
        std::memcpy(&nsid, CMSG_DATA(control), sizeof nsid);
        if (nsid >= 0) return nsid;
    }
    return std::nullopt;
}

Result<Fd> open_notifications() {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd) return fail(errno, "socket(AF_NETLINK)");
    if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &notification_buffer, sizeof notification_buffer) != 0) {
        setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &notification_buffer, sizeof notification_buffer);
    }
    const int one = 1;
    if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &one, sizeof one) != 0) return fail(errno, "NETLINK_LISTEN_ALL_NSID");
    // A socket without an address is taken for the one that caused a notification, and left out; binding leaves groups.
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail(errno, "bind(AF_NETLINK)");
    for (const unsigned int group : {RTNLGRP_LINK, RTNLGRP_NSID}) {
        if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
            return fail(errno, "NETLINK_ADD_MEMBERSHIP");
    }
    return fd;
}

}  // namespace

Result<void> PortTable::listen() {
    return hidden_.run([this]() -> Result<void> {
        notifications_ = TRY(open_notifications());
        return {};
    });
}

void PortTable::watch() {
    while (true) {
        std::array<pollfd, 2> wait{{{notifications_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
        if (poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return;
        if (wait[1].revents != 0) return;
        drain();
    }
}

void PortTable::drain() {
    const std::lock_guard guard(lock_);
    drain_locked();
}

void PortTable::drain_locked() {
    std::array<std::byte, 64 * 1024> buffer;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int)) * 4> control;
    while (true) {
        iovec piece{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(notifications_.get(), &message, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == ENOBUFS) {  // some were lost
            resync();
            continue;
        }
        if (size < 0) return;
        const std::optional<int32_t> nsid = origin(message);
        const Bytes datagram = Bytes(buffer).first(static_cast<size_t>(size));
        for (const netlink::Message& one : netlink::Messages(datagram)) {
            handle(one, nsid);
        }
    }
}

void PortTable::resync() {
    std::vector<uint32_t> dead;
    for (auto& [id, port] : ports_) {
        for (size_t end = 0; end < port.ends.size(); ++end) {
            if (refresh(port, end).code() == ENODEV) dead.push_back(id);
        }
    }
    for (const uint32_t id : dead) destroy(id);
}

void PortTable::handle(const netlink::Message& message, std::optional<int32_t> nsid) {
    switch (message.header.nlmsg_type) {
        case RTM_NEWLINK:
            handle_link(message, nsid);
            break;
        case RTM_DELLINK:
            handle_gone_link(message, nsid);
            break;
        case RTM_DELNSID: {
            if (nsid) break;  // a number that some other namespace had
            const auto gone = message.attributes(sizeof(rtgenmsg)).find(NETNSA_NSID);
            if (const auto id = gone ? gone->as<int32_t>() : std::nullopt) handle_gone_namespace(*id);
            break;
        }
        default:
            break;
    }
}

void PortTable::handle_link(const netlink::Message& message, std::optional<int32_t> nsid) {
    if (!nsid) return;
    const auto header = message.family_header<ifinfomsg>();
    if (!header || header->ifi_family != AF_UNSPEC) return;  // AF_BRIDGE: a port of a bridge, with other attributes
    const Found found = find_visible(*nsid, static_cast<uint32_t>(header->ifi_index));
    if (found.port == nullptr) return;
    if (auto link = parse_link(message)) apply(*found.port, found.end, *nsid, std::move(*link));
}

void PortTable::handle_gone_link(const netlink::Message& message, std::optional<int32_t> nsid) {
    const auto header = message.family_header<ifinfomsg>();
    if (!header || header->ifi_family != AF_UNSPEC) return;
    const auto ifindex = static_cast<uint32_t>(header->ifi_index);
    const Found found = nsid ? find_visible(*nsid, ifindex) : find_hidden(ifindex);
    const bool moved = message.attributes(sizeof *header).find(IFLA_NEW_NETNSID).has_value();
    if (found.port == nullptr) {
        // Moved with XDP on it: it goes on in a namespace that its own clients will tell us of; what is attached stays behind.
        if (nsid) listener_.interface_gone({cookie_of(*nsid), ifindex});
        return;
    }
    if (!moved || refresh(*found.port, found.end).code() == ENODEV) destroy(found.port->id);
}

void PortTable::handle_gone_namespace(int32_t nsid) {
    listener_.namespace_gone(cookie_of(nsid));
    cookies_.erase(nsid);
}

Result<void> PortTable::refresh(Port& port, size_t end) {
    const LinkInfo hidden = TRY(get_link(hidden_.socket(), port.ends[end].hidden));
    LinkInfo link = TRY(get_link(hidden_.socket(), hidden.link, hidden.link_netnsid));
    apply(port, end, hidden.link_netnsid.value_or(-1), std::move(link));
    return {};
}

void PortTable::apply(Port& port, size_t end, int32_t nsid, LinkInfo now) {
    End& changed = port.ends[end];
    const DeviceKey before = key_of(changed);
    const LinkInfo old = changed.link;
    changed.nsid = nsid;
    changed.link = std::move(now);
    if (key_of(changed) != before) listener_.moved(before, key_of(changed));
    if (key_of(changed) != before || old.name != changed.link.name || old.mtu != changed.link.mtu || old.up() != changed.link.up()) {
        loop_.change(*changed.device, facts_of(changed));
        listener_.peer_mtu(key_of(port.ends[1 - end]), changed.link.mtu);
    }
    follow_carrier(port, end);
}

void PortTable::follow_carrier(Port& port, size_t changed) {
    End& other = port.ends[1 - changed];
    const bool up = port.ends[changed].link.up();
    if (other.hidden_up == up) return;
    if ((up ? set_link_up(hidden_.socket(), other.hidden) : set_link_down(hidden_.socket(), other.hidden)).ok()) other.hidden_up = up;
}

}  // namespace graft
