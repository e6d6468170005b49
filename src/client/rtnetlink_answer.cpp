#include "client/rtnetlink_answer.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "port/netlink_socket.h"
#include "port/port_table.h"

namespace graft::client {
namespace {

using netlink::Attribute;
using netlink::Builder;

void append(std::vector<std::byte>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.resize(netlink::align(out.size()));
}

// In Linux's order: each mode's program, the mode, the program when it is the only one.
void put_xdp(Builder& builder, const XdpState& xdp) {
    builder.begin(IFLA_XDP);
    if (xdp.skb_id != 0) builder.attribute(IFLA_XDP_SKB_PROG_ID, xdp.skb_id);
    if (xdp.drv_id != 0) builder.attribute(IFLA_XDP_DRV_PROG_ID, xdp.drv_id);
    builder.attribute(IFLA_XDP_ATTACHED, xdp.mode);
    if (xdp.mode == XDP_ATTACHED_SKB) builder.attribute(IFLA_XDP_PROG_ID, xdp.skb_id);
    if (xdp.mode == XDP_ATTACHED_DRV) builder.attribute(IFLA_XDP_PROG_ID, xdp.drv_id);
    builder.end();
}

void put_link_attribute(Builder& builder, const Attribute& attribute, const LinkView& view) {
    switch (attribute.type) {
        case IFLA_XDP:
            put_xdp(builder, view.xdp);
            return;
        case IFLA_LINK:
            if (!view.peer) break;
            builder.attribute(IFLA_LINK, view.peer->ifindex);
            return;
        case IFLA_LINK_NETNSID:
            if (!view.peer) break;
            if (view.peer->nsid) builder.attribute(IFLA_LINK_NETNSID, *view.peer->nsid);
            return;
        case IFLA_MAX_MTU:
            if (!view.max_mtu) break;
            builder.attribute(IFLA_MAX_MTU, *view.max_mtu);
            return;
        default:
            break;
    }
    builder.copy(attribute);
}

// Speaks of the number that a client's namespace has for graft's own.
bool about_hidden_namespace(const netlink::Message& message) {
    if (message.header.nlmsg_type != RTM_NEWNSID && message.header.nlmsg_type != RTM_DELNSID) return false;
    const auto nsid = message.attributes(sizeof(rtgenmsg)).find(NETNSA_NSID);
    return nsid && nsid->as<int32_t>() == PortTable::hidden_nsid;
}

}  // namespace

std::vector<std::byte> AnswerRewriter::rewrite(Bytes datagram) {
    std::vector<std::byte> out;
    out.reserve(datagram.size() + 256);
    used_.clear();
    while (const auto message = netlink::first_message(datagram)) {
        datagram = netlink::after(datagram, *message);
        switch (message->header.nlmsg_type) {
            case RTM_NEWLINK:
            case RTM_DELLINK:
                link(*message, out);
                break;
            case NLMSG_ERROR:
                if (!error(*message, out)) append(out, message->raw);
                break;
            default:
                if (!about_hidden_namespace(*message)) append(out, message->raw);
        }
    }
    out.insert(out.end(), datagram.begin(), datagram.end());  // what is no message
    return out;
}

void AnswerRewriter::link(const netlink::Message& message, std::vector<std::byte>& out) {
    const auto header = message.family_header<ifinfomsg>();
    const auto attributes = message.attributes(sizeof(ifinfomsg));
    if (!header || header->ifi_family != AF_UNSPEC || attributes.malformed()) return append(out, message.raw);
    const auto target = attributes.find(IFLA_TARGET_NETNSID);
    const LinkView view = views_.view(static_cast<uint32_t>(header->ifi_index), target ? target->as<int32_t>() : std::nullopt);
    Builder builder(message.header.nlmsg_type, message.header.nlmsg_flags);
    builder.set_sequence(message.header.nlmsg_seq, message.header.nlmsg_pid);
    builder.header(*header);
    for (const Attribute& attribute : attributes) put_link_attribute(builder, attribute, view);
    append(out, builder.message());
}

bool AnswerRewriter::error(const netlink::Message& message, std::vector<std::byte>& out) {
    const auto error = message.family_header<nlmsgerr>();
    const auto mine = std::find_if(pending_.begin(), pending_.end(), [&](const PendingAnswer& p) {
        return p.sequence == message.header.nlmsg_seq && std::find(used_.begin(), used_.end(), p.sequence) == used_.end();
    });
    const auto request = mine != pending_.end() ? netlink::first_message(mine->request) : std::nullopt;
    if (!error || !request) return false;
    used_.push_back(mine->sequence);
    nlmsgerr now{};
    now.error = mine->decided ? -mine->code : error->error;
    now.msg = request->header;
    uint16_t flags = 0;
    const bool whole = now.error != 0 && !options_.cap_ack;
    if (!whole) flags |= NLM_F_CAPPED;
    std::string text;
    if (mine->decided) {
        text = mine->text;
    } else if ((message.header.nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
        text = netlink::extended_text(message);
    }
    const bool tell = options_.ext_ack && !text.empty();
    if (tell) flags |= NLM_F_ACK_TLVS;
    Builder builder(NLMSG_ERROR, flags);
    builder.set_sequence(message.header.nlmsg_seq, message.header.nlmsg_pid);
    builder.header(now);
    if (whole) builder.bytes(request->payload);
    if (tell) builder.string(NLMSGERR_ATTR_MSG, text);
    append(out, builder.message());
    return true;
}

}  // namespace graft::client
