#include "port/link.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

namespace graft {
namespace {

netlink::Builder link_request(uint16_t type, uint32_t ifindex, TargetNamespace where = {}) {
    netlink::Builder builder(type, 0);
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(ifindex);
    builder.header(header);
    if (where) builder.attribute(IFLA_TARGET_NETNSID, *where);
    return builder;
}

void parse_attribute(const netlink::Attribute& attribute, LinkInfo& link) {
    switch (attribute.type) {
        case IFLA_IFNAME:
            link.name = attribute.as_string();
            break;
        case IFLA_MTU:
            link.mtu = attribute.as<uint32_t>().value_or(0);
            break;
        case IFLA_ADDRESS:
            link.mac = attribute.as<std::array<uint8_t, 6>>().value_or(link.mac);
            break;
        case IFLA_LINK:
            link.link = attribute.as<uint32_t>().value_or(0);
            break;
        case IFLA_LINK_NETNSID:
            link.link_netnsid = attribute.as<int32_t>();
            break;
        case IFLA_CARRIER:
            link.carrier = attribute.as<uint8_t>().value_or(0) != 0;
            break;
        case IFLA_NUM_TX_QUEUES:
            link.tx_queues = attribute.as<uint32_t>().value_or(0);
            break;
        case IFLA_NUM_RX_QUEUES:
            link.rx_queues = attribute.as<uint32_t>().value_or(0);
            break;
        case IFLA_GROUP:
            link.group = attribute.as<uint32_t>().value_or(0);
            break;
        case IFLA_LINKINFO:
            if (const auto kind = netlink::Attributes(attribute.payload).find(IFLA_INFO_KIND)) link.kind = kind->as_string();
            break;
        default:
            break;
    }
}

Result<LinkInfo> ask_link(netlink::Socket& socket, netlink::Builder& builder) {
    const auto answer = TRY(socket.get(builder));
    const auto message = netlink::first_message(answer);
    const auto link = message ? parse_link(*message) : std::nullopt;
    if (!link) return fail(EPROTO, "a short RTM_NEWLINK");
    return *link;
}

Result<void> change_flags(netlink::Socket& socket, uint32_t ifindex, unsigned int flags) {
    netlink::Builder builder(RTM_NEWLINK, 0);
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(ifindex);
    header.ifi_flags = flags;
    header.ifi_change = IFF_UP;
    builder.header(header);
    return socket.request(builder);
}

Result<int32_t> ask_nsid(netlink::Socket& socket, netlink::Builder& builder) {
    const auto answer = TRY(socket.get(builder));
    const auto message = netlink::first_message(answer);
    const auto id = message ? message->attributes(sizeof(rtgenmsg)).find(NETNSA_NSID) : std::nullopt;
    const auto value = id ? id->as<int32_t>() : std::nullopt;
    if (!value || *value < 0) return fail(ENOENT, "a namespace without an nsid");
    return *value;
}

}  // namespace

std::optional<LinkInfo> parse_link(const netlink::Message& message) {
    const auto header = message.family_header<ifinfomsg>();
    if (!header) return std::nullopt;
    LinkInfo link;
    link.ifindex = static_cast<uint32_t>(header->ifi_index);
    link.flags = header->ifi_flags;
    for (const auto& attribute : message.attributes(sizeof *header)) parse_attribute(attribute, link);
    return link;
}

Result<LinkInfo> get_link(netlink::Socket& socket, uint32_t ifindex, TargetNamespace where) {
    netlink::Builder builder = link_request(RTM_GETLINK, ifindex, where);
    return ask_link(socket, builder);
}

Result<LinkInfo> get_link(netlink::Socket& socket, const std::string& name, TargetNamespace where) {
    netlink::Builder builder = link_request(RTM_GETLINK, 0, where);
    builder.string(IFLA_IFNAME, name);
    return ask_link(socket, builder);
}

Result<void> delete_link(netlink::Socket& socket, uint32_t ifindex) {
    netlink::Builder builder = link_request(RTM_DELLINK, ifindex);
    return socket.request(builder);
}

Result<void> set_link_up(netlink::Socket& socket, uint32_t ifindex) { return change_flags(socket, ifindex, IFF_UP); }
Result<void> set_link_down(netlink::Socket& socket, uint32_t ifindex) { return change_flags(socket, ifindex, 0); }

Result<int32_t> nsid_of(netlink::Socket& socket, int netns, std::optional<int32_t> wanted) {
    rtgenmsg header{};
    header.rtgen_family = AF_UNSPEC;
    netlink::Builder give(RTM_NEWNSID, 0);
    give.header(header);
    give.attribute(NETNSA_FD, static_cast<uint32_t>(netns));
    give.attribute(NETNSA_NSID, wanted.value_or(NETNSA_NSID_NOT_ASSIGNED));
    const auto given = socket.request(give);
    // EEXIST: it has a number already.  ENOSPC: somebody else has the wanted one.
    if (!given.ok() && given.code() == ENOSPC && wanted) return nsid_of(socket, netns);
    if (!given.ok() && given.code() != EEXIST) return given.error();
    netlink::Builder ask(RTM_GETNSID, 0);
    ask.header(header);
    ask.attribute(NETNSA_FD, static_cast<uint32_t>(netns));
    return ask_nsid(socket, ask);
}

Result<int32_t> translate_nsid(netlink::Socket& socket, int32_t nsid, int32_t in) {
    rtgenmsg header{};
    header.rtgen_family = AF_UNSPEC;
    netlink::Builder ask(RTM_GETNSID, 0);
    ask.header(header).attribute(NETNSA_NSID, nsid).attribute(NETNSA_TARGET_NSID, in);
    return ask_nsid(socket, ask);
}

}  // namespace graft
