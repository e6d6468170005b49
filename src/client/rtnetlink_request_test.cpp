#include "client/rtnetlink_request.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace graft::client {
namespace {

using netlink::Attributes;
using netlink::Builder;

// A request whose bytes live as long as it.
struct Made {
    std::vector<std::byte> bytes;
    [[nodiscard]] netlink::Message message() const { return *netlink::first_message(bytes); }
    [[nodiscard]] std::optional<LinkRequest> request() const { return parse_link_request(message()); }
};

Made make(uint16_t type, uint16_t flags, int ifindex, const std::function<void(Builder&)>& attributes) {
    Builder builder(type, flags);
    ifinfomsg header{};
    header.ifi_index = ifindex;
    builder.header(header);
    attributes(builder);
    builder.set_sequence(77, 5);
    const Bytes bytes = builder.message();
    return {{bytes.begin(), bytes.end()}};
}
Made xdp_request(const std::function<void(Builder&)>& nest, uint16_t type = RTM_SETLINK) {
    return make(type, NLM_F_REQUEST | NLM_F_ACK, 3, [&](Builder& b) {
        b.begin(IFLA_XDP | NLA_F_NESTED);
        nest(b);
        b.end();
    });
}
void fd(Builder& b, int number) { b.attribute(IFLA_XDP_FD, number); }
void flags(Builder& b, uint32_t value) { b.attribute(IFLA_XDP_FLAGS, value); }

TEST(RtnetlinkRequest, Attach) {
    const Made made = xdp_request([](Builder& b) {
        fd(b, 7);
        flags(b, XDP_FLAGS_DRV_MODE);
    });
    const auto request = made.request();
    ASSERT_TRUE(request && request->xdp);
    EXPECT_EQ(request->xdp->fd, 7);
    EXPECT_EQ(request->xdp->flags, XDP_FLAGS_DRV_MODE);
    EXPECT_FALSE(request->xdp->expected_fd);
    EXPECT_FALSE(request->changes_more);
}

TEST(RtnetlinkRequest, ExpectedCountsWithReplaceOnly) {
    for (const bool replace : {false, true}) {
        const Made made = xdp_request([&](Builder& b) {
            fd(b, -1);
            flags(b, replace ? XDP_FLAGS_REPLACE : 0);
            b.attribute(IFLA_XDP_EXPECTED_FD, 9);
        });
        const auto request = made.request();
        ASSERT_TRUE(request && request->xdp);
        EXPECT_EQ(request->xdp->expected_fd.has_value(), replace);
    }
}

// What Linux refuses for its form, or takes for no change: the host is to say so.
TEST(RtnetlinkRequest, MalformedXdpIsLeftToTheHost) {
    const std::pair<const char*, std::function<void(Builder&)>> cases[] = {
        {"no fd", [](Builder& b) { flags(b, 0); }},
        {"nothing", [](Builder&) {}},
        {"fd of 2 bytes", [](Builder& b) { b.attribute(IFLA_XDP_FD, uint16_t{1}); }},
        {"flags of 2 bytes", [](Builder& b) { fd(b, 1), b.attribute(IFLA_XDP_FLAGS, uint16_t{0}); }},
        {"expected of 2 bytes", [](Builder& b) { fd(b, 1), b.attribute(IFLA_XDP_EXPECTED_FD, uint16_t{1}); }},
        {"expected of 8 bytes", [](Builder& b) { fd(b, 1), b.attribute(IFLA_XDP_EXPECTED_FD, uint64_t{1}); }},
        {"unknown flag", [](Builder& b) { fd(b, 1), flags(b, 32); }},
        {"two modes", [](Builder& b) { fd(b, 1), flags(b, XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE); }},
        {"replace without expected", [](Builder& b) { fd(b, 1), flags(b, XDP_FLAGS_REPLACE); }},
        {"attached", [](Builder& b) { fd(b, 1), b.attribute(IFLA_XDP_ATTACHED, uint8_t{1}); }},
        {"prog id", [](Builder& b) { fd(b, 1), b.attribute(IFLA_XDP_PROG_ID, uint32_t{1}); }},
    };
    for (const auto& [what, spoil] : cases) EXPECT_FALSE(xdp_request(spoil).request()) << what;
}

TEST(RtnetlinkRequest, WhatLinuxPassesOver) {
    const std::pair<const char*, std::function<void(Builder&)>> cases[] = {
        {"fd of 8 bytes", [](Builder& b) { b.attribute(IFLA_XDP_FD, uint64_t{7}); }},
        {"unknown attribute", [](Builder& b) { fd(b, 7), b.attribute(77, uint32_t{1}); }},
        {"program of a mode", [](Builder& b) { fd(b, 7), b.attribute(IFLA_XDP_DRV_PROG_ID, uint32_t{1}); }},
        {"twice: the last", [](Builder& b) { fd(b, 8), fd(b, 7); }},
    };
    for (const auto& [what, nest] : cases) {
        const Made made = xdp_request(nest);
        const auto request = made.request();
        ASSERT_TRUE(request && request->xdp) << what;
        EXPECT_EQ(request->xdp->fd, 7) << what;
    }
}

TEST(RtnetlinkRequest, LengthsThatLie) {
    // Each 16-bit length in the message, spoiled in turn: never a value from outside.
    const Made good = xdp_request([](Builder& b) {
        fd(b, 7);
        flags(b, 0);
    });
    for (size_t at = NLMSG_HDRLEN + sizeof(ifinfomsg); at + 2 <= good.bytes.size(); at += 4) {
        for (const int length : {0, 3, 5, 100, 0xffff}) {
            Made spoiled = good;
            const auto value = static_cast<uint16_t>(length);
            std::memcpy(spoiled.bytes.data() + at, &value, sizeof value);
            const auto request = spoiled.request();
            if (request && request->xdp && at != NLMSG_HDRLEN + sizeof(ifinfomsg) + 8) {
                EXPECT_EQ(request->xdp->fd, 7) << at << ' ' << length;
            }
        }
    }
}

TEST(RtnetlinkRequest, WhatIsOfNoConcern) {
    EXPECT_FALSE(make(RTM_GETLINK, NLM_F_REQUEST, 3, [](Builder&) {}).request());
    EXPECT_FALSE(make(RTM_SETLINK, NLM_F_REQUEST, 3, [](Builder& b) { b.string(IFLA_IFALIAS, "x"); }).request());
    EXPECT_FALSE(make(RTM_NEWADDR, NLM_F_REQUEST, 3, [](Builder& b) { b.attribute(IFLA_XDP, uint64_t{0}); }).request());
    Builder shortened(RTM_SETLINK, 0);
    shortened.header(uint64_t{0});
    EXPECT_FALSE(parse_link_request(*netlink::first_message(shortened.message())));
    Made bridge = xdp_request([](Builder& b) { fd(b, 1); });
    bridge.bytes[NLMSG_HDRLEN] = std::byte{AF_BRIDGE};
    EXPECT_FALSE(bridge.request());
}

TEST(RtnetlinkRequest, MoreThanXdp) {
    const auto more = [](int ifindex, const std::function<void(Builder&)>& attributes) {
        const Made made = make(RTM_SETLINK, 0, ifindex, [&](Builder& b) {
            b.begin(IFLA_XDP);
            fd(b, 1);
            b.end();
            attributes(b);
        });
        return made.request()->changes_more;
    };
    EXPECT_FALSE(more(3, [](Builder&) {}));
    EXPECT_FALSE(more(0, [](Builder& b) { b.string(IFLA_IFNAME, "veth0"); }));  // says which
    EXPECT_TRUE(more(3, [](Builder& b) { b.string(IFLA_IFNAME, "other"); }));   // says what to call it
    EXPECT_TRUE(more(3, [](Builder& b) { b.attribute(IFLA_MTU, uint32_t{1400}); }));
}

Made veth_request(const std::function<void(Builder&)>& data, const std::function<void(Builder&)>& rest = [](Builder&) {}) {
    return make(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, 0, [&](Builder& b) {
        b.string(IFLA_IFNAME, "veth0");
        rest(b);
        b.begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "veth");
        data(b);
        b.end();
    });
}
void peer(Builder& b) {
    ifinfomsg header{};
    header.ifi_index = 42;
    b.begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER).header(header).string(IFLA_IFNAME, "veth1").attribute(IFLA_MTU, uint32_t{1400});
    b.attribute(IFLA_NET_NS_PID, uint32_t{99}).end().end();
}

TEST(RtnetlinkRequest, VethPair) {
    const Made made = veth_request(peer);
    const auto request = made.request();
    ASSERT_TRUE(request && request->veth);
    EXPECT_TRUE(request->create);
    EXPECT_TRUE(request->veth->separate);
    const auto number = namespace_number(Attributes(request->veth->spec.subspan(sizeof(ifinfomsg))));
    ASSERT_TRUE(number);
    EXPECT_EQ(number->number, 99);
    const LinkSpec description = peer_description(*request);
    const auto header = read_at<ifinfomsg>(description, 0);
    EXPECT_EQ(header->ifi_index, 0);  // 42 counts only with an index of the link
    const Attributes attributes(Bytes(description).subspan(sizeof(ifinfomsg)));
    EXPECT_EQ(attributes.find(IFLA_IFNAME)->as_string(), "veth1");
    EXPECT_EQ(attributes.find(IFLA_MTU)->as<uint32_t>(), 1400U);
    EXPECT_FALSE(attributes.find(IFLA_NET_NS_PID));
}

TEST(RtnetlinkRequest, VethWithoutPeerSharesTheAttributes) {
    const Made made = veth_request([](Builder&) {}, [](Builder& b) { b.attribute(IFLA_MTU, uint32_t{1300}).attribute(IFLA_NET_NS_FD, 5); });
    const auto request = made.request();
    ASSERT_TRUE(request && request->veth);
    EXPECT_FALSE(request->veth->separate);
    EXPECT_EQ(request->netns->number, 5);
    const LinkSpec description = peer_description(*request);
    const Attributes attributes(Bytes(description).subspan(sizeof(ifinfomsg)));
    EXPECT_EQ(attributes.find(IFLA_MTU)->as<uint32_t>(), 1300U);
    EXPECT_FALSE(attributes.find(IFLA_IFNAME));
    EXPECT_FALSE(attributes.find(IFLA_LINKINFO));
    EXPECT_FALSE(attributes.find(IFLA_NET_NS_FD));
}

TEST(RtnetlinkRequest, OtherKindsAndShortPeersAreTheHosts) {
    EXPECT_FALSE(
        make(RTM_NEWLINK, NLM_F_CREATE, 0, [](Builder& b) { b.begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "dummy").end(); }).request());
    EXPECT_FALSE(veth_request([](Builder& b) { b.begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER).header(uint64_t{0}).end().end(); }).request());
    EXPECT_FALSE(veth_request(peer, [](Builder& b) { b.attribute(IFLA_TARGET_NETNSID, 0); }).request());
}

TEST(RtnetlinkRequest, WhatIsSentInstead) {
    const Made made = veth_request(peer, [](Builder& b) {
        b.attribute(IFLA_MTU, uint32_t{1300}).attribute(IFLA_NET_NS_FD, 5);
        b.begin(IFLA_XDP).attribute(IFLA_XDP_FD, 7).end();
    });
    const std::vector<std::byte> replacement(8, std::byte{1});
    const auto bytes = with_peer(made.message(), replacement, 33);
    const auto sent = netlink::first_message(bytes);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->header.nlmsg_seq, 77U);
    EXPECT_EQ(sent->header.nlmsg_flags, made.message().header.nlmsg_flags);
    const Attributes attributes = sent->attributes(sizeof(ifinfomsg));
    EXPECT_FALSE(attributes.malformed());
    EXPECT_EQ(attributes.find(IFLA_IFNAME)->as_string(), "veth0");
    EXPECT_EQ(attributes.find(IFLA_MTU)->as<uint32_t>(), 1300U);
    EXPECT_EQ(attributes.find(IFLA_NET_NS_FD)->as<int32_t>(), 33);
    EXPECT_FALSE(attributes.find(IFLA_XDP));
    const Attributes info(attributes.find(IFLA_LINKINFO)->payload);
    EXPECT_EQ(info.find(IFLA_INFO_KIND)->as_string(), "veth");
    const auto peer_now = Attributes(info.find(IFLA_INFO_DATA)->payload).find(VETH_INFO_PEER);
    EXPECT_TRUE(std::equal(peer_now->payload.begin(), peer_now->payload.end(), replacement.begin(), replacement.end()));

    const Made xdp = xdp_request([](Builder& b) { fd(b, 1); });
    const auto stripped = without_xdp(xdp.message(), -1);
    EXPECT_EQ(netlink::first_message(stripped)->raw.size(), NLMSG_HDRLEN + sizeof(ifinfomsg));
    const auto touched = touch_interface(xdp.message(), 3, 4);
    EXPECT_EQ(netlink::first_message(touched)->header.nlmsg_seq, 77U);
    EXPECT_EQ(netlink::first_message(touched)->attributes(sizeof(ifinfomsg)).find(IFLA_GROUP)->as<uint32_t>(), 4U);
    const auto refused = refused_request(xdp.message());
    EXPECT_EQ(netlink::first_message(refused)->header.nlmsg_seq, 77U);
    EXPECT_EQ(netlink::first_message(refused)->header.nlmsg_type, RTM_SETLINK);
}

}  // namespace
}  // namespace graft::client
