#include "client/rtnetlink_request.h"

#include <linux/if_link.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <bit>
#include <cstddef>
#include <cstring>

namespace graft::client {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::Builder;

// Nothing: malformed or without effect, the host's to answer.
std::optional<XdpChange> parse_xdp(const Attribute& attribute) {
    const Attributes nest(attribute.payload);
    if (nest.find(IFLA_XDP_ATTACHED) || nest.find(IFLA_XDP_PROG_ID)) return std::nullopt;
    XdpChange change;
    const auto fd = nest.find(IFLA_XDP_FD);
    const auto number = fd ? fd->as<int32_t>() : std::nullopt;
    if (!number) return std::nullopt;
    change.fd = *number;
    if (const auto flags = nest.find(IFLA_XDP_FLAGS)) {
        const auto value = flags->as<uint32_t>();
        if (!value || (*value & ~XDP_FLAGS_MASK) != 0 || std::popcount(*value & XDP_FLAGS_MODES) > 1) return std::nullopt;
        change.flags = *value;
    }
    const auto expected = nest.find(IFLA_XDP_EXPECTED_FD);
    if (expected && expected->payload.size() != sizeof(int32_t)) return std::nullopt;
    if ((change.flags & XDP_FLAGS_REPLACE) != 0) {
        if (!expected) return std::nullopt;
        change.expected_fd = expected->as<int32_t>();
    }
    return change;
}

std::optional<VethPeer> parse_veth(const Attributes& attributes) {
    const auto info = attributes.find(IFLA_LINKINFO);
    if (!info) return std::nullopt;
    const Attributes nest(info->payload);
    const auto kind = nest.find(IFLA_INFO_KIND);
    if (!kind || kind->as_string() != "veth") return std::nullopt;
    VethPeer peer;
    const auto data = nest.find(IFLA_INFO_DATA);
    const auto spec = data ? Attributes(data->payload).find(VETH_INFO_PEER) : std::nullopt;
    if (!spec) {
        peer.separate = false;
        return peer;
    }
    if (spec->payload.size() < sizeof(ifinfomsg)) return std::nullopt;
    peer.spec = spec->payload;
    return peer;
}

bool is_namespace(uint16_t type) { return type == IFLA_NET_NS_PID || type == IFLA_NET_NS_FD; }

// A message of its own in place of `message`: same sequence number and port, so that its answer is taken for the answer.
Builder in_place_of(const netlink::Message& message, uint16_t type, uint16_t flags) {
    Builder builder(type, flags);
    builder.set_sequence(message.header.nlmsg_seq, message.header.nlmsg_pid);
    return builder;
}

std::vector<std::byte> copy(Builder& builder) {
    const Bytes bytes = builder.message();
    return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> set_link(const netlink::Message& message, int ifindex, std::optional<uint32_t> group) {
    constexpr uint16_t kept = NLM_F_REQUEST | NLM_F_ACK;
    Builder builder = in_place_of(message, RTM_SETLINK, message.header.nlmsg_flags & kept);
    ifinfomsg header{};
    header.ifi_index = ifindex;
    builder.header(header);
    if (group) builder.attribute(IFLA_GROUP, *group);
    return copy(builder);
}

}  // namespace

std::optional<NamespaceNumber> namespace_number(const Attributes& attributes) {
    for (const uint16_t type : {uint16_t{IFLA_NET_NS_PID}, uint16_t{IFLA_NET_NS_FD}}) {
        const auto attribute = attributes.find(type);
        const auto number = attribute ? attribute->as<int32_t>() : std::nullopt;
        if (number) return NamespaceNumber{type, *number};
    }
    return std::nullopt;
}

std::optional<LinkRequest> parse_link_request(const netlink::Message& message) {
    const bool create = message.header.nlmsg_type == RTM_NEWLINK;
    if (!create && message.header.nlmsg_type != RTM_SETLINK) return std::nullopt;
    const auto header = message.family_header<ifinfomsg>();
    if (!header || header->ifi_family == AF_BRIDGE) return std::nullopt;
    LinkRequest request;
    request.header = *header;
    request.attributes = message.attributes(sizeof *header);
    if (request.attributes.find(IFLA_TARGET_NETNSID)) return std::nullopt;
    request.create = create && (message.header.nlmsg_flags & NLM_F_CREATE) != 0;
    request.netns = namespace_number(request.attributes);
    request.changes_more = header->ifi_flags != 0 || header->ifi_change != 0;
    for (const Attribute& attribute : request.attributes) {
        switch (attribute.type) {
            case IFLA_XDP:
                request.xdp = parse_xdp(attribute);
                break;
            case IFLA_MTU:
                request.mtu = attribute.as<uint32_t>();
                break;
            case IFLA_IFNAME:
                request.name = attribute.as_string();
                break;
            case IFLA_ALT_IFNAME:
                if (request.name.empty()) request.name = attribute.as_string();
                break;
            default:
                break;
        }
        const bool names = attribute.type == IFLA_IFNAME || attribute.type == IFLA_ALT_IFNAME;
        if (attribute.type != IFLA_XDP && (!names || header->ifi_index > 0)) request.changes_more = true;
    }
    if (create) request.veth = parse_veth(request.attributes);
    if (!request.xdp && !request.veth && !request.netns && !request.mtu) return std::nullopt;
    return request;
}

std::vector<std::byte> without_xdp(const netlink::Message& message, int netns) {
    Builder builder = in_place_of(message, message.header.nlmsg_type, message.header.nlmsg_flags);
    builder.header(*message.family_header<ifinfomsg>());
    for (const Attribute& attribute : message.attributes(sizeof(ifinfomsg))) {
        if (attribute.type != IFLA_XDP && !is_namespace(attribute.type)) builder.copy(attribute);
    }
    if (netns >= 0) builder.attribute(IFLA_NET_NS_FD, netns);
    return copy(builder);
}

std::vector<std::byte> touch_interface(const netlink::Message& message, uint32_t ifindex, uint32_t group) {
    return set_link(message, static_cast<int>(ifindex), group);
}

std::vector<std::byte> refused_request(const netlink::Message& message) { return set_link(message, INT32_MAX, std::nullopt); }

std::vector<std::byte> with_peer(const netlink::Message& message, Bytes peer, int netns) {
    Builder builder = in_place_of(message, message.header.nlmsg_type, message.header.nlmsg_flags);
    builder.header(*message.family_header<ifinfomsg>());
    for (const Attribute& attribute : message.attributes(sizeof(ifinfomsg))) {
        if (attribute.type != IFLA_LINKINFO) {
            // A creation passes over IFLA_XDP; should the name be taken meanwhile, the host would act on it.
            if (attribute.type != IFLA_XDP && !is_namespace(attribute.type)) builder.copy(attribute);
            continue;
        }
        builder.begin(IFLA_LINKINFO | NLA_F_NESTED);
        for (const Attribute& info : Attributes(attribute.payload)) {
            if (info.type != IFLA_INFO_DATA) builder.copy(info);
        }
        builder.begin(IFLA_INFO_DATA | NLA_F_NESTED).raw_attribute(VETH_INFO_PEER | NLA_F_NESTED, peer).end().end();
    }
    if (netns >= 0) builder.attribute(IFLA_NET_NS_FD, netns);
    return copy(builder);
}

LinkSpec peer_description(const LinkRequest& request) {
    if (request.veth->separate) {
        LinkSpec spec = without_attributes(request.veth->spec, {IFLA_NET_NS_PID, IFLA_NET_NS_FD});
        // Linux gives the peer its index only when the link's is given, too.
        if (request.header.ifi_index == 0) std::memset(spec.data() + offsetof(ifinfomsg, ifi_index), 0, sizeof(ifinfomsg::ifi_index));
        return spec;
    }
    Builder builder(0, 0);
    builder.header(ifinfomsg{});
    for (const Attribute& attribute : request.attributes) {
        const bool own = attribute.type == IFLA_IFNAME || attribute.type == IFLA_ALT_IFNAME || attribute.type == IFLA_LINKINFO;
        if (!own && !is_namespace(attribute.type)) builder.copy(attribute);
    }
    const Bytes bytes = builder.message().subspan(NLMSG_HDRLEN);
    return {bytes.begin(), bytes.end()};
}

}  // namespace graft::client
