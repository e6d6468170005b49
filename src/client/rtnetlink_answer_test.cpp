#include "client/rtnetlink_answer.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <map>

#include "port/netlink_socket.h"
#include "port/port_table.h"

namespace graft::client {
namespace {

using netlink::Attributes;
using netlink::Builder;

struct Told final : LinkViews {
    LinkView view(uint32_t ifindex, std::optional<int32_t> nsid) override {
        asked.emplace_back(ifindex, nsid);
        return views[ifindex];
    }
    std::map<uint32_t, LinkView> views;
    std::vector<std::pair<uint32_t, std::optional<int32_t>>> asked;
};

struct Answer : testing::Test {
    Told told;
    std::vector<PendingAnswer> pending;
    AnswerOptions options;
    std::vector<uint32_t> used;

    std::vector<std::byte> rewrite(Bytes datagram) {
        AnswerRewriter rewriter(told, pending, options);
        auto out = rewriter.rewrite(datagram);
        used = rewriter.used();
        return out;
    }
    static std::vector<std::byte> link(int ifindex, bool with_xdp = true, uint8_t family = AF_UNSPEC) {
        Builder b(RTM_NEWLINK, NLM_F_MULTI);
        ifinfomsg header{};
        header.ifi_family = family;
        header.ifi_index = ifindex;
        b.header(header).string(IFLA_IFNAME, "veth0").attribute(IFLA_LINK, 900).attribute(IFLA_MAX_MTU, 65535);
        if (with_xdp) b.begin(IFLA_XDP).attribute(IFLA_XDP_ATTACHED, uint8_t{0}).end();
        b.attribute(IFLA_LINK_NETNSID, 5).string(IFLA_QDISC, "noop");
        b.set_sequence(8, 9);
        const Bytes bytes = b.message();
        return {bytes.begin(), bytes.end()};
    }
    static std::vector<std::byte> error(uint32_t sequence, int code, Bytes request, std::string_view text = {}) {
        Builder b(NLMSG_ERROR, static_cast<uint16_t>(NLM_F_CAPPED | (text.empty() ? 0 : NLM_F_ACK_TLVS)));
        nlmsgerr body{};
        body.error = -code;
        std::memcpy(&body.msg, request.data(), sizeof body.msg);
        b.header(body);
        if (!text.empty()) b.string(NLMSGERR_ATTR_MSG, text);
        b.set_sequence(sequence, 9);
        const Bytes bytes = b.message();
        return {bytes.begin(), bytes.end()};
    }
    static std::vector<std::byte> request(uint32_t sequence) {
        Builder b(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
        b.header(ifinfomsg{}).string(IFLA_IFNAME, "as the client wrote it");
        b.set_sequence(sequence, 0);
        const Bytes bytes = b.message();
        return {bytes.begin(), bytes.end()};
    }
};

std::vector<uint8_t> raw(const netlink::Attribute& attribute) {
    std::vector<uint8_t> bytes;
    for (const std::byte b : attribute.raw) bytes.push_back(std::to_integer<uint8_t>(b));
    return bytes;
}

// Byte by byte as Linux 6.12 answers.
TEST_F(Answer, XdpNest) {
    struct Case {
        XdpState xdp;
        std::vector<uint8_t> bytes;
    };
    const Case cases[] = {
        {{XDP_ATTACHED_NONE, 0, 0}, {0x0c, 0, 0x2b, 0, 5, 0, 2, 0, 0, 0, 0, 0}},
        {{XDP_ATTACHED_DRV, 7, 0}, {0x1c, 0, 0x2b, 0, 8, 0, 5, 0, 7, 0, 0, 0, 5, 0, 2, 0, 1, 0, 0, 0, 8, 0, 4, 0, 7, 0, 0, 0}},
        {{XDP_ATTACHED_SKB, 0, 7}, {0x1c, 0, 0x2b, 0, 8, 0, 6, 0, 7, 0, 0, 0, 5, 0, 2, 0, 2, 0, 0, 0, 8, 0, 4, 0, 7, 0, 0, 0}},
    };
    for (const Case& c : cases) {
        told.views[3].xdp = c.xdp;
        const auto out = rewrite(link(3));
        const auto message = netlink::first_message(out);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->raw.size(), out.size());
        EXPECT_EQ(raw(*message->attributes(sizeof(ifinfomsg)).find(IFLA_XDP)), c.bytes);
    }
}

TEST_F(Answer, AllElseStaysAsItIs) {
    const auto in = link(3);
    EXPECT_EQ(rewrite(in), in);
    EXPECT_EQ(rewrite(link(3, false)), link(3, false));  // what the host did not ask for is not added
    const auto bridge = link(3, true, AF_BRIDGE);
    told.views[3].xdp = {XDP_ATTACHED_DRV, 7, 0};
    EXPECT_EQ(rewrite(bridge), bridge);
}

TEST_F(Answer, TheVisiblePeerIsNamed) {
    told.views[3].peer = LinkView::Peer{4, 2};
    told.views[3].max_mtu = 3506;
    auto out = rewrite(link(3));
    const Attributes apart = netlink::first_message(out)->attributes(sizeof(ifinfomsg));
    EXPECT_EQ(apart.find(IFLA_LINK)->as<uint32_t>(), 4U);
    EXPECT_EQ(apart.find(IFLA_LINK_NETNSID)->as<int32_t>(), 2);
    EXPECT_EQ(apart.find(IFLA_MAX_MTU)->as<uint32_t>(), 3506U);
    EXPECT_EQ(apart.find(IFLA_QDISC)->as_string(), "noop");
    told.views[3].peer = LinkView::Peer{4, std::nullopt};
    out = rewrite(link(3));
    EXPECT_FALSE(netlink::first_message(out)->attributes(sizeof(ifinfomsg)).find(IFLA_LINK_NETNSID));
}

TEST_F(Answer, EachMessageOfADumpIsItsOwnInterface) {
    told.views[3].xdp = {XDP_ATTACHED_DRV, 7, 0};
    auto in = link(2);
    const auto second = link(3);
    in.insert(in.end(), second.begin(), second.end());
    Builder done(NLMSG_DONE, NLM_F_MULTI);
    done.header(0);
    const Bytes end = done.message();
    in.insert(in.end(), end.begin(), end.end());
    const auto out = rewrite(in);
    EXPECT_EQ(out.size(), in.size() + 16);
    size_t count = 0;
    for (const netlink::Message& message : netlink::Messages(out)) {
        ++count;
        EXPECT_EQ(message.header.nlmsg_type == NLMSG_DONE, count == 3);
    }
    EXPECT_EQ(count, 3U);
    EXPECT_EQ(told.asked.size(), 2U);
}

TEST_F(Answer, TargetNamespace) {
    Builder b(RTM_NEWLINK, 0);
    b.header(ifinfomsg{}).attribute(IFLA_TARGET_NETNSID, 6);
    (void)rewrite(b.message());
    ASSERT_EQ(told.asked.size(), 1U);
    EXPECT_EQ(told.asked[0].second, 6);
}

TEST_F(Answer, ErrnoOfWhatGraftRefused) {
    const auto own = request(5);
    pending.push_back({5, true, EBUSY, "XDP program already attached", own});
    const auto host = error(5, ENODEV, request(5));
    for (const bool cap : {false, true}) {
        for (const bool ext : {false, true}) {
            options = {cap, ext};
            const auto out = rewrite(host);
            const auto message = netlink::first_message(out);
            ASSERT_TRUE(message);
            EXPECT_EQ(message->raw.size(), out.size());
            const auto body = message->family_header<nlmsgerr>();
            EXPECT_EQ(body->error, -EBUSY);
            EXPECT_EQ(std::memcmp(&body->msg, own.data(), sizeof body->msg), 0);
            EXPECT_EQ((message->header.nlmsg_flags & NLM_F_CAPPED) != 0, cap);
            EXPECT_EQ((message->header.nlmsg_flags & NLM_F_ACK_TLVS) != 0, ext);
            EXPECT_EQ(netlink::extended_text(*message), ext ? "XDP program already attached" : "");
            EXPECT_EQ(used, std::vector<uint32_t>{5});
            if (cap) continue;
            // The client's own request comes back.
            EXPECT_EQ(std::memcmp(message->payload.data() + sizeof *body, own.data() + NLMSG_HDRLEN, own.size() - NLMSG_HDRLEN), 0);
        }
    }
}

TEST_F(Answer, TheHostsVerdictWithTheClientsRequest) {
    options = {true, true};
    pending.push_back({5, false, 0, {}, request(5)});
    const auto refused = rewrite(error(5, EEXIST, request(6), "File exists there"));
    EXPECT_EQ(netlink::first_message(refused)->family_header<nlmsgerr>()->error, -EEXIST);
    EXPECT_EQ(netlink::first_message(refused)->family_header<nlmsgerr>()->msg.nlmsg_seq, 5U);
    EXPECT_EQ(netlink::extended_text(*netlink::first_message(refused)), "File exists there");
    const auto accepted = rewrite(error(5, 0, request(6)));
    EXPECT_EQ(netlink::first_message(accepted)->family_header<nlmsgerr>()->error, 0);
    EXPECT_EQ(accepted.size(), NLMSG_HDRLEN + sizeof(nlmsgerr));
}

TEST_F(Answer, OtherSequencesAreNotTouched) {
    pending.push_back({5, true, EBUSY, {}, request(5)});
    const auto in = error(4, ENODEV, request(4));
    EXPECT_EQ(rewrite(in), in);
    EXPECT_TRUE(used.empty());
}

// Two refused requests with one sequence number, as programs send that never count up.
TEST_F(Answer, EqualSequenceNumbersAreTakenOnceEach) {
    pending.push_back({0, true, EBUSY, {}, request(0)});
    const auto out = rewrite(error(0, ENODEV, request(0)));
    EXPECT_EQ(netlink::first_message(out)->family_header<nlmsgerr>()->error, -EBUSY);
    ASSERT_EQ(used.size(), 1U);
}

TEST_F(Answer, TheHiddenNamespaceIsNotMentioned) {
    const auto nsid = [](uint16_t type, int32_t id) {
        Builder b(type, 0);
        b.header(rtgenmsg{}).attribute(NETNSA_NSID, id);
        const Bytes bytes = b.message();
        return std::vector<std::byte>(bytes.begin(), bytes.end());
    };
    EXPECT_TRUE(rewrite(nsid(RTM_NEWNSID, PortTable::hidden_nsid)).empty());
    EXPECT_TRUE(rewrite(nsid(RTM_DELNSID, PortTable::hidden_nsid)).empty());
    EXPECT_FALSE(rewrite(nsid(RTM_NEWNSID, 3)).empty());
}

TEST_F(Answer, BytesThatAreNoMessagesStay) {
    std::vector<std::byte> noise(37, std::byte{0x5a});
    EXPECT_EQ(rewrite(noise), noise);
    auto in = link(3);
    in.resize(in.size() + 5, std::byte{1});
    EXPECT_EQ(rewrite(in), in);
    // Broken attributes: the whole message stays.
    auto broken = link(3);
    told.views[3].xdp = {XDP_ATTACHED_DRV, 7, 0};
    const uint16_t length = 2;
    std::memcpy(broken.data() + NLMSG_HDRLEN + sizeof(ifinfomsg), &length, sizeof length);
    EXPECT_EQ(rewrite(broken), broken);
    EXPECT_TRUE(rewrite({}).empty());
}

}  // namespace
}  // namespace graft::client
