// A client's conversation with the real rtnetlink, graft in between; without seccomp.
#include "client/rtnetlink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "client/interfaces.h"
#include "port/isolated_test.h"
#include "port/link.h"
#include "port/netns.h"
#include "program/test_program.h"

namespace graft::client {
namespace {

using netlink::Attributes;
using netlink::Builder;
using test::shell;

// The client: its descriptors are numbers that we give out.
struct FakeClient final : LinkClient {
    Result<DescriptorRef> descriptor(int fd) override {
        const auto it = objects.find(fd);
        if (it == objects.end()) return fail(fd >= 0 && fd < 100 ? EINVAL : EBADF);
        return DescriptorRef{it->second};
    }
    Result<Fd> net_namespace(NamespaceNumber number) override {
        if (number.type == IFLA_NET_NS_PID) {
            Fd fd(::open(("/proc/" + std::to_string(number.number) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
            if (!fd) return fail(ESRCH);
            return fd;
        }
        Fd fd(fcntl(number.number, F_DUPFD_CLOEXEC, 3));
        if (!fd) return fail(EBADF);
        return fd;
    }
    bool may_administer(int) override { return administrator; }
    [[nodiscard]] uint32_t process() const override { return 4711; }
    void tell(const std::string& line) override { told += line; }

    std::map<int, Ref<Object>> objects;
    bool administrator = true;
    std::string told;
};

struct Verdict {
    int code = -1;  // errno; -1: no answer
    std::string text;
    std::vector<std::byte> bytes;
};

struct Conversation {
    Conversation() {
        kernel = std::move(Kernel::create().value());
        interfaces = std::make_unique<Interfaces>(*kernel);
        EXPECT_EQ(interfaces->missing(), "");
        here = std::move(current_network_namespace().value());
        there = std::move(make_network_namespace().value());
        cookie = netns_cookie(here.get()).value();
        one = load(XDP_PASS, 101);
        two = load(XDP_DROP, 102);
        filter = load(0, 103, BPF_PROG_TYPE_SOCKET_FILTER);
        socket = open_socket(here.get());
    }
    ~Conversation() {
        client.objects.clear();
        one = two = filter = nullptr;
        kernel->xdp.namespace_gone(cookie);
        interfaces.reset();
        rcu::barrier();
    }
    Ref<Program> load(int action, int fd, uint32_t type = BPF_PROG_TYPE_XDP, uint32_t flags = 0) {
        ProgramFacts facts;
        facts.type = type;
        facts.flags = flags;
        Ref<Program> program = test::make_program(std::vector<test::Insns>{{test::mov(0, action), test::exit()}}, facts);
        EXPECT_TRUE(kernel->targets.link(*program).ok());
        program->register_in(kernel->programs);
        client.objects[fd] = program;
        return program;
    }
    static Fd open_socket(int netns) {
        Fd fd;
        (void)in_network_namespace(netns, [&]() -> Result<void> {
            fd = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
            return {};
        });
        const int on = 1;
        setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
        return fd;
    }

    // --- as a client does ----------------------------------------------------------------------------------------------------------------
    void send(Bytes bytes, int on = -1) {
        const int fd = on < 0 ? socket.get() : on;
        const auto done = interfaces->rtnetlink().send(client, fd, bytes);
        if (done) {
            EXPECT_TRUE(done->ok()) << done->code();
            EXPECT_EQ(done->ok() ? done->value() : 0, bytes.size());
        } else {
            EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
        }
    }
    Result<Rtnetlink::Received> receive(size_t capacity = 65536, int flags = 0, int on = -1) {
        return interfaces->rtnetlink().receive(on < 0 ? socket.get() : on, {capacity, 0, flags});
    }
    Verdict ask(Builder& builder, int on = -1) {
        builder.set_sequence(++sequence, 0);
        send(builder.message(), on);
        Verdict verdict;
        const auto received = receive(65536, 0, on);
        if (!received.ok()) return verdict;
        verdict.bytes = received.value().bytes;
        const auto message = netlink::first_message(verdict.bytes);
        if (!message || message->header.nlmsg_seq != sequence) return verdict;
        if (message->header.nlmsg_type != NLMSG_ERROR) {
            verdict.code = 0;
            return verdict;
        }
        verdict.code = -message->family_header<nlmsgerr>()->error;
        verdict.text = netlink::extended_text(*message);
        return verdict;
    }
    static constexpr int no_fd = -1000;
    static Builder xdp_request(int ifindex, int fd, uint32_t flags = 0, int expected = no_fd, uint16_t type = RTM_SETLINK) {
        Builder builder(type, NLM_F_REQUEST | NLM_F_ACK);
        ifinfomsg header{};
        header.ifi_index = ifindex;
        builder.header(header).begin(IFLA_XDP | NLA_F_NESTED).attribute(IFLA_XDP_FD, fd).attribute(IFLA_XDP_FLAGS, flags);
        if (expected != no_fd) builder.attribute(IFLA_XDP_EXPECTED_FD, expected);
        builder.end();
        return builder;
    }
    Verdict set(int ifindex, int fd, uint32_t flags = 0, int expected = no_fd) {
        Builder builder = xdp_request(ifindex, fd, flags, expected);
        return ask(builder);
    }
    static Builder pair_request(const std::string& name, const std::string& peer, int netns_of_peer = -1) {
        Builder builder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        builder.header(ifinfomsg{}).string(IFLA_IFNAME, name);
        builder.begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER).header(ifinfomsg{});
        builder.string(IFLA_IFNAME, peer);
        if (netns_of_peer >= 0) builder.attribute(IFLA_NET_NS_FD, netns_of_peer);
        builder.end().end().end();
        return builder;
    }
    Verdict make_pair(int netns_of_peer = -1) {
        Builder builder = pair_request("veth0", "veth1", netns_of_peer);
        return ask(builder);
    }
    // The id of the program that a GET shows, by mode.
    XdpState shown(int ifindex, int on = -1) {
        Builder builder(RTM_GETLINK, NLM_F_REQUEST);
        ifinfomsg header{};
        header.ifi_index = ifindex;
        builder.header(header);
        const Verdict answer = ask(builder, on);
        return xdp_of(*netlink::first_message(answer.bytes));
    }
    static XdpState xdp_of(const netlink::Message& message) {
        XdpState xdp;
        const auto nest = message.attributes(sizeof(ifinfomsg)).find(IFLA_XDP);
        if (!nest) return xdp;
        const Attributes attributes(nest->payload);
        if (const auto mode = attributes.find(IFLA_XDP_ATTACHED)) xdp.mode = mode->as<uint8_t>().value();
        if (const auto id = attributes.find(IFLA_XDP_DRV_PROG_ID)) xdp.drv_id = id->as<uint32_t>().value();
        if (const auto id = attributes.find(IFLA_XDP_SKB_PROG_ID)) xdp.skb_id = id->as<uint32_t>().value();
        return xdp;
    }
    // What the kernel itself says.
    static LinkInfo host_link(int netns, const std::string& name) {
        LinkInfo info;
        (void)in_network_namespace(netns, [&]() -> Result<void> {
            netlink::Socket asking = TRY(netlink::Socket::open());
            info = TRY(get_link(asking, name));
            return {};
        });
        return info;
    }
    [[nodiscard]] int veth0() const { return static_cast<int>(host_link(here.get(), "veth0").ifindex); }

    std::unique_ptr<Kernel> kernel;
    std::unique_ptr<Interfaces> interfaces;
    Fd here, there;
    uint64_t cookie = 0;
    FakeClient client;
    Ref<Program> one, two, filter;
    Fd socket;
    uint32_t sequence = 0;
};

TEST(Rtnetlink, AttachReplaceDetach) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    const int veth0 = c.veth0();
    EXPECT_EQ(c.shown(veth0).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(c.set(veth0, 101).code, 0);
    EXPECT_EQ(c.shown(veth0).drv_id, c.one->id());
    const Verdict busy = c.set(veth0, 102, XDP_FLAGS_UPDATE_IF_NOEXIST);
    EXPECT_EQ(busy.code, EBUSY);
    EXPECT_EQ(busy.text, "XDP program already attached");
    EXPECT_EQ(c.set(veth0, 102, XDP_FLAGS_SKB_MODE).text, "Native and generic XDP can't be active at the same time");
    EXPECT_EQ(c.set(veth0, 102, XDP_FLAGS_REPLACE, 102).code, EEXIST);
    EXPECT_EQ(c.set(veth0, 102, XDP_FLAGS_REPLACE, 101).code, 0);
    EXPECT_EQ(c.shown(veth0).drv_id, c.two->id());
    EXPECT_EQ(c.set(veth0, -1, XDP_FLAGS_REPLACE, -1).code, EEXIST);
    EXPECT_EQ(c.set(veth0, -1).code, 0);
    EXPECT_EQ(c.shown(veth0).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(c.client.told, "");
}

TEST(Rtnetlink, DescriptorsThatAreNoXdpPrograms) {
    ISOLATED();
    Conversation c;
    EXPECT_EQ(c.set(1, 999).code, EBADF);
    EXPECT_EQ(c.set(1, 50).code, EINVAL);
    EXPECT_EQ(c.set(1, 103).code, EINVAL);
    EXPECT_EQ(c.set(1, 101, XDP_FLAGS_REPLACE, 999).code, EBADF);
    EXPECT_EQ(c.set(1, 101, XDP_FLAGS_REPLACE, 103).code, EINVAL);
    EXPECT_EQ(c.set(1, -2).code, 0);
    EXPECT_EQ(c.set(4000, 101).code, ENODEV);
    EXPECT_EQ(c.set(0, 101).code, EINVAL);
    EXPECT_EQ(c.shown(1).mode, XDP_ATTACHED_NONE);
}

TEST(Rtnetlink, AnInterfaceThatIsNoPortIsNamed) {
    ISOLATED();
    Conversation c;
    EXPECT_EQ(c.set(1, 101, XDP_FLAGS_DRV_MODE).code, EOPNOTSUPP);
    EXPECT_EQ(c.set(1, 101).code, 0);
    EXPECT_EQ(c.shown(1).skb_id, c.one->id());
    EXPECT_NE(c.client.told.find("lo is no port"), std::string::npos);
    const auto idle = c.interfaces->attached_without_packets();
    ASSERT_EQ(idle.size(), 1U);
    EXPECT_EQ(idle[0].name, "lo");
}

TEST(Rtnetlink, WithoutTheRightNothingHappens) {
    ISOLATED();
    Conversation c;
    c.client.administrator = false;
    EXPECT_EQ(c.set(1, 101).code, EPERM);
    EXPECT_EQ(c.make_pair().code, EPERM);
    EXPECT_EQ(c.veth0(), 0);
    EXPECT_EQ(c.shown(1).mode, XDP_ATTACHED_NONE);
}

TEST(Rtnetlink, APairIsSeenAsAPair) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    // As the client sees it.
    const auto view = [&](const std::string& name) {
        Builder builder(RTM_GETLINK, NLM_F_REQUEST);
        builder.header(ifinfomsg{}).string(IFLA_IFNAME, name);
        const Verdict answer = c.ask(builder);
        return *parse_link(*netlink::first_message(answer.bytes));
    };
    EXPECT_EQ(view("veth0").link, view("veth1").ifindex);
    EXPECT_EQ(view("veth1").link, view("veth0").ifindex);
    EXPECT_FALSE(view("veth0").link_netnsid);
    EXPECT_LT(view("veth1").ifindex, view("veth0").ifindex);  // Linux makes the peer first
    EXPECT_EQ(c.make_pair().code, EEXIST);
    EXPECT_EQ(c.interfaces->ports()->status().size(), 1U);
    // The peer is gone when the answer to the deletion comes.
    Builder deletion(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
    deletion.header(ifinfomsg{}).string(IFLA_IFNAME, "veth0");
    EXPECT_EQ(c.ask(deletion).code, 0);
    EXPECT_EQ(c.host_link(c.here.get(), "veth1").ifindex, 0U);
}

TEST(Rtnetlink, PeerInAnotherNamespace) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair(c.there.get()).code, 0);
    const LinkInfo veth1 = c.host_link(c.there.get(), "veth1");
    ASSERT_NE(veth1.ifindex, 0U);
    Builder builder(RTM_GETLINK, NLM_F_REQUEST);
    builder.header(ifinfomsg{}).string(IFLA_IFNAME, "veth0");
    const auto seen = parse_link(*netlink::first_message(c.ask(builder).bytes));
    EXPECT_EQ(seen->link, veth1.ifindex);
    EXPECT_EQ(seen->link_netnsid, 0);  // the first number that this namespace gives out
    // Seen from there, with its programs.
    const Fd other = Conversation::open_socket(c.there.get());
    Builder attach = Conversation::xdp_request(static_cast<int>(veth1.ifindex), 102);
    EXPECT_EQ(c.ask(attach, other.get()).code, 0);
    EXPECT_EQ(c.shown(static_cast<int>(veth1.ifindex), other.get()).drv_id, c.two->id());
    EXPECT_EQ(c.shown(c.veth0()).mode, XDP_ATTACHED_NONE);
    // And asked for from here by the number.
    Builder remote(RTM_GETLINK, NLM_F_REQUEST);
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(veth1.ifindex);
    remote.header(header).attribute(IFLA_TARGET_NETNSID, 0);
    EXPECT_EQ(Conversation::xdp_of(*netlink::first_message(c.ask(remote).bytes)).drv_id, c.two->id());
    c.kernel->xdp.namespace_gone(netns_cookie(c.there.get()).value());
}

TEST(Rtnetlink, NamespacesThatDoNotExist) {
    ISOLATED();
    Conversation c;
    Builder bad_fd = Conversation::pair_request("veth0", "veth1", 900);
    EXPECT_EQ(c.ask(bad_fd).code, EBADF);
    Builder bad_pid(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    bad_pid.header(ifinfomsg{}).string(IFLA_IFNAME, "veth0").attribute(IFLA_NET_NS_PID, INT32_MAX);
    bad_pid.begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "veth").end();
    EXPECT_EQ(c.ask(bad_pid).code, ESRCH);
    EXPECT_TRUE(c.interfaces->ports()->status().empty());
}

TEST(Rtnetlink, AttributesOfThePeerAreTaken) {
    ISOLATED();
    Conversation c;
    Builder builder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    const std::array<uint8_t, 6> mac{2, 0, 0, 0, 0, 9};
    ifinfomsg link{}, peer{};
    link.ifi_index = 66;
    peer.ifi_index = 77;
    builder.header(link).string(IFLA_IFNAME, "veth0").attribute(IFLA_MTU, uint32_t{1300}).attribute(IFLA_NUM_TX_QUEUES, uint32_t{3});
    builder.begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA).begin(VETH_INFO_PEER).header(peer);
    builder.string(IFLA_IFNAME, "veth1").attribute(IFLA_MTU, uint32_t{1400}).attribute(IFLA_ADDRESS, mac);
    builder.attribute(IFLA_NUM_RX_QUEUES, uint32_t{4}).attribute(IFLA_NUM_TX_QUEUES, uint32_t{2}).end().end().end();
    ASSERT_EQ(c.ask(builder).code, 0);
    const LinkInfo veth0 = c.host_link(c.here.get(), "veth0");
    const LinkInfo veth1 = c.host_link(c.here.get(), "veth1");
    EXPECT_EQ(veth0.ifindex, 66U);
    EXPECT_EQ(veth0.mtu, 1300U);
    EXPECT_EQ(veth0.tx_queues, 3U);
    EXPECT_EQ(veth1.ifindex, 77U);
    EXPECT_EQ(veth1.mtu, 1400U);
    EXPECT_EQ(veth1.mac, mac);
    EXPECT_EQ(veth1.rx_queues, 4U);
    EXPECT_EQ(veth1.tx_queues, 2U);
}

// As on Linux: the peer's index counts when the link's is given.
TEST(Rtnetlink, AnIndexOfThePeerAloneIsPassedOver) {
    ISOLATED();
    Conversation c;
    Builder builder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    ifinfomsg peer{};
    peer.ifi_index = 77;
    builder.header(ifinfomsg{}).string(IFLA_IFNAME, "veth0").begin(IFLA_LINKINFO).string(IFLA_INFO_KIND, "veth").begin(IFLA_INFO_DATA);
    builder.begin(VETH_INFO_PEER).header(peer).string(IFLA_IFNAME, "veth1").end().end().end();
    ASSERT_EQ(c.ask(builder).code, 0);
    EXPECT_EQ(c.host_link(c.here.get(), "veth1").ifindex, 2U);
}

TEST(Rtnetlink, ARefusedPairLeavesNothing) {
    ISOLATED();
    Conversation c;
    Builder longer = Conversation::pair_request("veth0", "a-name-of-more-than-15-bytes");
    EXPECT_NE(c.ask(longer).code, 0);
    Builder same = Conversation::pair_request("veth0", "veth0");
    EXPECT_EQ(c.ask(same).code, EEXIST);
    EXPECT_EQ(c.host_link(c.here.get(), "veth0").ifindex, 0U);
    EXPECT_TRUE(c.interfaces->ports()->status().empty());
    EXPECT_EQ(c.make_pair().code, 0);
}

// All else that a request asks for happens first, and stays when the program is refused.
TEST(Rtnetlink, OtherChangesComeBeforeTheProgram) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    const auto both = [&](uint32_t mtu, int fd) {
        Builder builder = Conversation::xdp_request(c.veth0(), fd);
        builder.attribute(IFLA_MTU, mtu);
        return c.ask(builder);
    };
    EXPECT_EQ(both(1400, 999).code, EBADF);
    EXPECT_EQ(c.host_link(c.here.get(), "veth0").mtu, 1400U);
    const Verdict refused = both(100000, 101);
    EXPECT_EQ(refused.code, EINVAL);
    EXPECT_EQ(refused.text, "mtu greater than device maximum");
    EXPECT_EQ(c.shown(c.veth0()).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(both(1300, 101).code, 0);
    EXPECT_EQ(c.host_link(c.here.get(), "veth0").mtu, 1300U);
    EXPECT_EQ(c.shown(c.veth0()).drv_id, c.one->id());
}

// As veth of Linux 6.12: a buffer is a page.
TEST(Rtnetlink, MtuAndNativePrograms) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    const auto set_mtu = [&](const std::string& name, uint32_t mtu) {
        Builder builder(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
        builder.header(ifinfomsg{}).string(IFLA_IFNAME, name).attribute(IFLA_MTU, mtu);
        return c.ask(builder);
    };
    ASSERT_EQ(set_mtu("veth1", 9000).code, 0);
    const Verdict refused = c.set(c.veth0(), 101);
    EXPECT_EQ(refused.code, ERANGE);
    EXPECT_EQ(refused.text, "veth: Peer MTU is too large to set XDP");
    const Ref<Program> fragments = c.load(XDP_PASS, 104, BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS);
    EXPECT_EQ(c.set(c.veth0(), 104).code, 0);
    ASSERT_EQ(set_mtu("veth1", 1500).code, 0);
    EXPECT_EQ(c.set(c.veth0(), 101).code, 0);
    EXPECT_EQ(set_mtu("veth1", 3506).code, 0);
    EXPECT_EQ(set_mtu("veth1", 3507).code, EINVAL);
    EXPECT_EQ(set_mtu("veth0", 9000).code, 0);
    EXPECT_EQ(c.set(c.veth0(), -1).code, 0);
    EXPECT_EQ(set_mtu("veth1", 3507).code, 0);
}

TEST(Rtnetlink, ListenersAreToldOfAttachAndDetach) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    ASSERT_EQ(shell(c.here.get(), "ip link set veth0 up"), 0);  // Linux tells of interfaces that are up
    const Fd listener = Conversation::open_socket(c.here.get());
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(c.set(c.veth0(), 101).code, 0);
    const auto news = c.receive(65536, 0, listener.get());
    ASSERT_TRUE(news.ok());
    const auto message = netlink::first_message(news.value().bytes);
    EXPECT_EQ(message->header.nlmsg_type, RTM_NEWLINK);
    EXPECT_EQ(Conversation::xdp_of(*message).drv_id, c.one->id());
}

TEST(Rtnetlink, APeekTakesNothing) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    ASSERT_EQ(c.set(c.veth0(), 101).code, 0);
    Builder builder = Conversation::xdp_request(c.veth0(), 102, XDP_FLAGS_UPDATE_IF_NOEXIST);
    builder.set_sequence(++c.sequence, 0);
    c.send(builder.message());
    const auto size = c.receive(0, MSG_PEEK | MSG_TRUNC);
    ASSERT_TRUE(size.ok());
    const auto peeked = c.receive(65536, MSG_PEEK);
    const auto taken = c.receive();
    ASSERT_TRUE(peeked.ok() && taken.ok());
    EXPECT_EQ(size.value().result, taken.value().bytes.size());
    EXPECT_EQ(peeked.value().bytes, taken.value().bytes);
    EXPECT_EQ(netlink::first_message(taken.value().bytes)->family_header<nlmsgerr>()->error, -EBUSY);
    EXPECT_EQ(c.receive().code(), EAGAIN);
    // Nothing is remembered that could be put into the answer to another request.
    Builder harmless(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK);
    ifinfomsg header{};
    header.ifi_index = c.veth0();
    harmless.header(header);
    --c.sequence;
    EXPECT_EQ(c.ask(harmless).code, 0);
}

TEST(Rtnetlink, ADumpInAnyBuffer) {
    ISOLATED();
    Conversation c;
    for (int i = 0; i < 6; ++i) {
        Builder pair = Conversation::pair_request("a" + std::to_string(i), "b" + std::to_string(i));
        ASSERT_EQ(c.ask(pair).code, 0);
        const int ifindex = static_cast<int>(c.host_link(c.here.get(), "a" + std::to_string(i)).ifindex);
        ASSERT_EQ(c.set(ifindex, 101).code, 0);
    }
    for (const size_t capacity : {2048U, 4096U, 8192U, 16384U, 65536U}) {
        const Fd fresh = Conversation::open_socket(c.here.get());
        Builder builder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
        builder.header(ifinfomsg{});
        builder.set_sequence(1, 0);
        c.send(builder.message(), fresh.get());
        size_t links = 0, with_program = 0;
        bool done = false;
        while (!done) {
            const auto received = c.receive(capacity, 0, fresh.get());
            ASSERT_TRUE(received.ok()) << capacity;
            EXPECT_LE(received.value().bytes.size(), capacity);
            if ((received.value().flags & MSG_TRUNC) != 0) {
                // Only when the host's own datagram is longer than the buffer, as without graft.
                EXPECT_LT(capacity, 16384U);
                links = 0;
                break;
            }
            for (const netlink::Message& message : netlink::Messages(received.value().bytes)) {
                if (message.header.nlmsg_type == NLMSG_DONE) done = true;
                if (message.header.nlmsg_type != RTM_NEWLINK) continue;
                ++links;
                if (Conversation::xdp_of(message).drv_id == c.one->id()) ++with_program;
            }
        }
        if (links == 0) continue;
        EXPECT_EQ(links, 13U) << capacity;
        EXPECT_EQ(with_program, 6U) << capacity;
    }
}

// What is put in may make a datagram longer than the client's buffer, in which the host's own would have fitted.
TEST(Rtnetlink, ALongerDatagramComesInPieces) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    ASSERT_EQ(c.set(c.veth0(), 101).code, 0);
    ASSERT_EQ(c.set(1, 101).code, 0);
    Builder builder(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
    builder.header(ifinfomsg{});
    builder.set_sequence(1, 0);
    c.send(builder.message());
    std::vector<std::byte> host(65536);
    const ssize_t size = recv(c.socket.get(), host.data(), host.size(), MSG_PEEK);
    ASSERT_GT(size, 0);
    const auto whole = c.receive(65536, MSG_PEEK);
    ASSERT_GT(whole.value().bytes.size(), static_cast<size_t>(size));
    size_t total = 0, pieces = 0, links = 0;
    for (bool done = false; !done; ++pieces) {
        const auto piece = c.receive(static_cast<size_t>(size));
        ASSERT_TRUE(piece.ok());
        EXPECT_EQ(piece.value().flags & MSG_TRUNC, 0);
        total += piece.value().bytes.size();
        for (const netlink::Message& message : netlink::Messages(piece.value().bytes)) {
            if (message.header.nlmsg_type == NLMSG_DONE) done = true;
            if (message.header.nlmsg_type == RTM_NEWLINK) ++links;
        }
    }
    EXPECT_GE(pieces, 2U);
    EXPECT_EQ(links, 3U);
    EXPECT_GE(total, whole.value().bytes.size());
}

TEST(Rtnetlink, SeveralRequestsInOneDatagram) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    std::vector<std::byte> datagram;
    const auto add = [&](Builder builder, uint32_t sequence) {
        builder.set_sequence(sequence, 0);
        const Bytes bytes = builder.message();
        datagram.insert(datagram.end(), bytes.begin(), bytes.end());
    };
    const auto get = [&](int ifindex) {
        Builder builder(RTM_GETLINK, NLM_F_REQUEST);
        ifinfomsg header{};
        header.ifi_index = ifindex;
        return std::move(builder.header(header));
    };
    add(get(1), 100);
    add(Conversation::xdp_request(c.veth0(), 101), 101);
    add(Conversation::xdp_request(c.veth0(), 102, XDP_FLAGS_UPDATE_IF_NOEXIST), 102);
    add(get(c.veth0()), 103);
    c.send(datagram);
    std::vector<std::pair<uint32_t, int>> answers;
    for (auto received = c.receive(); received.ok(); received = c.receive()) {
        const auto message = netlink::first_message(received.value().bytes);
        const auto error = message->family_header<nlmsgerr>();
        answers.emplace_back(message->header.nlmsg_seq, message->header.nlmsg_type == NLMSG_ERROR ? -error->error : -1);
    }
    const std::vector<std::pair<uint32_t, int>> expected{{100, -1}, {101, 0}, {102, EBUSY}, {103, -1}};
    EXPECT_EQ(answers, expected);
}

TEST(Rtnetlink, AnswersThatNobodyReadsAreBounded) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    EXPECT_EQ(c.interfaces->rtnetlink().pending_bytes(), 0U);
    const std::string alias(30'000, 'a');
    std::vector<Fd> sockets;
    for (size_t i = 0; i < 50; ++i) {
        sockets.push_back(Conversation::open_socket(c.here.get()));
        for (int requests = 0; requests < 50; ++requests) {
            Builder builder = Conversation::xdp_request(c.veth0(), 99);  // no such descriptor
            builder.string(IFLA_IFALIAS, alias);
            c.send(builder.message(), sockets.back().get());
        }
        EXPECT_LE(c.interfaces->rtnetlink().pending_bytes(), (i + 1) * (size_t{1} << 20));
    }
    EXPECT_LE(c.interfaces->rtnetlink().pending_bytes(), (size_t{1} << 25) + (size_t{1} << 20));
    EXPECT_EQ(c.set(c.veth0(), 101).code, 0);
    EXPECT_EQ(c.set(c.veth0(), 99).code, EINVAL);
}

TEST(Rtnetlink, TheSocketGetsTheClientsNumber) {
    ISOLATED();
    Conversation c;
    EXPECT_EQ(c.set(1, 101).code, 0);
    sockaddr_nl address{};
    socklen_t size = sizeof address;
    getsockname(c.socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    EXPECT_EQ(address.nl_pid, 4711U);
}

TEST(Rtnetlink, WhatIsAttachedMovesAlong) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    ASSERT_EQ(c.set(c.veth0(), 101).code, 0);
    Builder move(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK);
    move.header(ifinfomsg{}).string(IFLA_IFNAME, "veth0").attribute(IFLA_NET_NS_FD, c.there.get());
    ASSERT_EQ(c.ask(move).code, 0);
    const Fd other = Conversation::open_socket(c.there.get());
    const int moved = static_cast<int>(c.host_link(c.there.get(), "veth0").ifindex);
    EXPECT_EQ(c.shown(moved, other.get()).drv_id, c.one->id());
    Builder detach = Conversation::xdp_request(moved, -1);
    EXPECT_EQ(c.ask(detach, other.get()).code, 0);
}

TEST(Rtnetlink, ADeletedInterfaceDropsItsProgram) {
    ISOLATED();
    Conversation c;
    ASSERT_EQ(c.make_pair().code, 0);
    ASSERT_EQ(c.set(c.veth0(), 101).code, 0);
    const uint32_t before = c.one->ref_count();
    ASSERT_EQ(shell(c.here.get(), "ip link del veth1"), 0);
    c.interfaces->ports()->drain();
    rcu::barrier();
    EXPECT_EQ(c.one->ref_count(), before - 1);
}

}  // namespace
}  // namespace graft::client
