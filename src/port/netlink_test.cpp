#include "port/netlink.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>

namespace graft::netlink {
namespace {

std::vector<std::byte> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Netlink, BuilderAndViewsAgree) {
    Builder builder(RTM_NEWLINK, NLM_F_CREATE);
    builder.header(ifinfomsg{}).string(IFLA_IFNAME, "x").attribute(IFLA_MTU, uint32_t{1400});
    builder.begin(IFLA_LINKINFO | NLA_F_NESTED).string(IFLA_INFO_KIND, "veth").end();
    builder.set_sequence(7, 9);
    const auto message = first_message(builder.message());
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.nlmsg_seq, 7U);
    EXPECT_EQ(message->header.nlmsg_pid, 9U);
    EXPECT_EQ(message->raw.size(), NLMSG_HDRLEN + sizeof(ifinfomsg) + 8 + 8 + 4 + 12);
    const Attributes attributes = message->attributes(sizeof(ifinfomsg));
    EXPECT_FALSE(attributes.malformed());
    EXPECT_EQ(attributes.find(IFLA_IFNAME)->as_string(), "x");
    EXPECT_EQ(attributes.find(IFLA_MTU)->as<uint32_t>(), 1400U);
    const auto info = attributes.find(IFLA_LINKINFO);
    ASSERT_TRUE(info);
    EXPECT_EQ(Attributes(info->payload).find(IFLA_INFO_KIND)->as_string(), "veth");
    EXPECT_FALSE(attributes.find(IFLA_ADDRESS));
}

TEST(Netlink, LastAttributeOfATypeCounts) {
    Builder builder(0, 0);
    builder.attribute(1, uint32_t{1}).attribute(1, uint32_t{2});
    EXPECT_EQ(first_message(builder.message())->attributes(0).find(1)->as<uint32_t>(), 2U);
}

TEST(Netlink, ShortPayloadIsNoValue) {
    Builder builder(0, 0);
    builder.attribute(1, uint16_t{1});
    EXPECT_FALSE(first_message(builder.message())->attributes(0).find(1)->as<uint32_t>());
}

TEST(Netlink, TextEndsAtItsFirstNulOrAtTheAttributesEnd) {
    Builder builder(0, 0);
    const std::array<char, 4> with_nul{'a', 0, 'b', 'c'};
    const std::array<char, 3> without{'a', 'b', 'c'};
    builder.attribute(1, with_nul).attribute(2, without);
    const auto message = first_message(builder.message());
    EXPECT_EQ(message->attributes(0).find(1)->as_string(), "a");
    EXPECT_EQ(message->attributes(0).find(2)->as_string(), "abc");
}

// Lengths that lie: no view reaches past the bytes, and malformed() says so.
TEST(Netlink, AttributeLengthsThatLie) {
    for (const uint16_t length : std::array<uint16_t, 5>{0, 1, 3, 9, 0xffff}) {
        std::array<std::byte, 8> bytes{};
        const nlattr header{length, 1};
        std::memcpy(bytes.data(), &header, sizeof header);
        const Attributes attributes(bytes);
        EXPECT_TRUE(attributes.malformed()) << length;
        EXPECT_FALSE(attributes.find(1)) << length;
    }
    std::array<std::byte, 3> stub{};
    EXPECT_TRUE(Attributes(stub).malformed());
    EXPECT_FALSE(Attributes(Bytes{}).malformed());
}

TEST(Netlink, MessageLengthsThatLie) {
    Builder builder(RTM_GETLINK, 0);
    builder.header(ifinfomsg{});
    auto bytes = copy(builder.message());
    for (const uint32_t length : {0U, 15U, static_cast<uint32_t>(bytes.size()) + 1, UINT32_MAX}) {
        std::memcpy(bytes.data(), &length, sizeof length);
        EXPECT_FALSE(first_message(bytes)) << length;
    }
    EXPECT_FALSE(first_message(Bytes(bytes).first(15)));
}

// A last message may lack its padding; what follows it is then nothing.
TEST(Netlink, UnpaddedLastMessage) {
    Builder builder(RTM_GETLINK, 0);
    builder.raw_attribute(1, std::array<std::byte, 5>{});
    auto bytes = copy(builder.message());
    const auto length = static_cast<uint32_t>(bytes.size() - 3);
    std::memcpy(bytes.data(), &length, sizeof length);
    const Bytes datagram = Bytes(bytes).first(length);
    const auto message = first_message(datagram);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->attributes(0).find(1)->payload.size(), 5U);
    EXPECT_TRUE(after(datagram, *message).empty());
}

TEST(Netlink, FamilyHeaderLongerThanTheMessage) {
    Builder builder(RTM_GETLINK, 0);
    const auto message = first_message(builder.message());
    EXPECT_FALSE(message->family_header<ifinfomsg>());
    EXPECT_FALSE(message->attributes(sizeof(ifinfomsg)).find(1));
}

}  // namespace
}  // namespace graft::netlink
