#include "port/port_table.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "map/devmap.h"
#include "port/isolated_test.h"

namespace graft {
namespace {

using test::shell;

// A program in C++: what arrives at one interface meets `verdict`.
class Scripted final : public FrameFilter {
public:
    [[nodiscard]] Mode mode() const override { return !on ? Mode::none : native ? Mode::native : Mode::generic; }
    [[nodiscard]] uint32_t run(abi::xdp_buff& frame, RunContext& context) const override {
        ++seen;
        return script ? script(frame, context) : uint32_t{XDP_PASS};
    }
    std::atomic<bool> on{false};
    std::atomic<bool> native{true};
    mutable std::atomic<uint64_t> seen{0};
    std::function<uint32_t(abi::xdp_buff&, RunContext&)> script;  // set while off
};

class Recorder final : public PortTable::Listener {
public:
    Ref<FrameFilter> filter(DeviceKey key) override {
        auto made = make_ref<Scripted>();
        filters[key] = made;
        return made;
    }
    void peer_mtu(DeviceKey key, uint32_t mtu) override { peer_mtus[key] = mtu; }
    void moved(DeviceKey from, DeviceKey to) override {
        moves.emplace_back(from, to);
        filters[to] = filters[from];
        filters.erase(from);
    }
    void interface_gone(DeviceKey key) override { gone.push_back(key); }
    void namespace_gone(uint64_t cookie) override { gone_namespaces.push_back(cookie); }

    std::map<DeviceKey, Ref<Scripted>> filters;
    std::map<DeviceKey, uint32_t> peer_mtus;
    std::vector<std::pair<DeviceKey, DeviceKey>> moves;
    std::vector<DeviceKey> gone;
    std::vector<uint64_t> gone_namespaces;
};

// Two namespaces, veth0 in `here` with 10.0.0.1, veth1 in `there` with 10.0.0.2.
struct Net {
    Net() {
        here = std::move(current_network_namespace().value());
        there = std::move(make_network_namespace().value());
        loop = std::move(PacketLoop::start(runtime).value());
        auto made = PortTable::create(*loop, recorder);
        EXPECT_TRUE(made.ok()) << made.error().reason;
        ports = std::move(made.value());
        here_cookie = netns_cookie(here.get()).value();
        there_cookie = netns_cookie(there.get()).value();
        EXPECT_TRUE(ports->learn(here_cookie, here.get()).ok());
        EXPECT_TRUE(ports->learn(there_cookie, there.get()).ok());
    }
    void connect() {
        std::string why;
        const auto port = ports->create_port(named_link("veth0"), here.get(), named_link("veth1"), there.get(), why);
        ASSERT_TRUE(port.ok()) << port.error().reason << ' ' << port.error().code << ' ' << why;
        EXPECT_EQ(
            shell(
                here.get(),
                "ip addr add 10.0.0.1/24 dev veth0 && ip addr add fd00::1/64 dev veth0 nodad && ip link set veth0 up && ip link set lo up"),
            0);
        EXPECT_EQ(
            shell(
                there.get(),
                "ip addr add 10.0.0.2/24 dev veth1 && ip addr add fd00::2/64 dev veth1 nodad && ip link set veth1 up && ip link set lo up"),
            0);
        ports->drain();
    }
    [[nodiscard]] bool ping(const std::string& options = "") const {
        return shell(here.get(), "ping -q -c 3 -i 0.05 -W 2 " + options + " 10.0.0.2 >/dev/null") == 0;
    }
    // For frames that are not to arrive.
    [[nodiscard]] bool silent(const std::string& options = "") const {
        return shell(here.get(), "ping -q -c 2 -i 0.05 -W 0.3 " + options + " 10.0.0.2 >/dev/null") != 0;
    }
    // Sends bytes over TCP from `here` to a listener in another namespace; whether all arrive as sent.
    [[nodiscard]] bool transfer(size_t size, const char* address = "10.0.0.2", int where = -1) const;
    [[nodiscard]] LinkInfo link(int netns, const std::string& name) const {
        LinkInfo info;
        (void)in_network_namespace(netns, [&]() -> Result<void> {
            netlink::Socket socket = TRY(netlink::Socket::open());
            info = TRY(get_link(socket, name));
            return {};
        });
        return info;
    }
    [[nodiscard]] bool exists(int netns, const std::string& name) const { return link(netns, name).ifindex != 0; }
    Scripted& filter(uint64_t cookie, const LinkInfo& info) { return *recorder.filters.at({cookie, info.ifindex}); }
    Scripted& filter0() { return filter(here_cookie, link(here.get(), "veth0")); }
    Scripted& filter1() { return filter(there_cookie, link(there.get(), "veth1")); }

    Runtime runtime;
    Recorder recorder;
    Fd here, there;
    uint64_t here_cookie = 0, there_cookie = 0;
    std::unique_ptr<PacketLoop> loop;
    std::unique_ptr<PortTable> ports;
};

Fd tcp_socket(int netns, int family) {
    Fd fd;
    EXPECT_TRUE(in_network_namespace(netns, [&]() -> Result<void> {
                    fd = Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
                    return {};
                }).ok());
    const timeval limit{20, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

bool Net::transfer(size_t size, const char* address, int where) const {
    const int family = std::strchr(address, ':') != nullptr ? AF_INET6 : AF_INET;
    const Fd listener = tcp_socket(where < 0 ? there.get() : where, family);
    const Fd sender = tcp_socket(here.get(), family);
    sockaddr_storage name{};
    name.ss_family = static_cast<sa_family_t>(family);
    auto* const raw = reinterpret_cast<sockaddr*>(&name);
    if (family == AF_INET6) {
        inet_pton(AF_INET6, address, &reinterpret_cast<sockaddr_in6*>(raw)->sin6_addr);
    } else {
        inet_pton(AF_INET, address, &reinterpret_cast<sockaddr_in*>(raw)->sin_addr);
    }
    socklen_t length = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    if (bind(listener.get(), raw, length) != 0 || listen(listener.get(), 1) != 0 || getsockname(listener.get(), raw, &length) != 0)
        return false;
    std::thread sending([&] {
        if (::connect(sender.get(), raw, length) != 0) return;
        std::vector<uint32_t> chunk(16384);
        uint32_t next = 0;
        for (size_t sent = 0; sent < size; sent += chunk.size() * 4) {
            for (uint32_t& word : chunk) word = next++;
            if (send(sender.get(), chunk.data(), chunk.size() * 4, MSG_NOSIGNAL) != static_cast<ssize_t>(chunk.size() * 4)) break;
        }
        shutdown(sender.get(), SHUT_WR);
    });
    const Fd receiver(accept(listener.get(), nullptr, nullptr));
    setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, std::array<timeval, 1>{{{20, 0}}}.data(), sizeof(timeval));
    std::vector<unsigned char> got(1 << 20);
    size_t total = 0;
    bool good = true;
    ssize_t n = 0;
    while ((n = recv(receiver.get(), got.data(), got.size(), 0)) > 0) {
        for (size_t i = 0; i < static_cast<size_t>(n); ++i, ++total)
            good = good && got[i] == static_cast<unsigned char>(total / 4 >> (total % 4 * 8));
    }
    sending.join();
    return good && n == 0 && total == size;
}

TEST(PortTable, FramesPass) {
    ISOLATED();
    Net net;
    net.connect();
    EXPECT_TRUE(net.ping());
    EXPECT_TRUE(net.ping("-s 1400"));
    const PortStatus status = net.ports->status().at(0);
    EXPECT_EQ(status.ends[0].name, "veth0");
    EXPECT_EQ(status.ends[1].name, "veth1");
    EXPECT_EQ(status.ends[1].mac, net.link(net.there.get(), "veth1").mac);
    EXPECT_TRUE(status.ends[0].carrier && status.ends[1].carrier);
    EXPECT_GE(status.ends[0].frames, 6U);
    EXPECT_GE(status.ends[1].frames, 6U);
    EXPECT_EQ(status.ends[0].frames, status.ends[0].delivered);
}

TEST(PortTable, VerdictsDecide) {
    ISOLATED();
    Net net;
    net.connect();
    ASSERT_TRUE(net.ping());
    Scripted& filter = net.filter0();
    filter.script = [](abi::xdp_buff&, RunContext&) { return uint32_t{XDP_DROP}; };
    filter.on = true;
    EXPECT_TRUE(net.silent(""));
    filter.on = false;
    EXPECT_TRUE(net.ping());
    EXPECT_GT(filter.seen, 0U);
    EXPECT_EQ(net.ports->status().at(0).ends[0].verdicts[XDP_DROP], filter.seen);
}

// veth1 answers echo requests itself: swaps addresses, XDP_TX.
TEST(PortTable, TransmitGoesBackOut) {
    ISOLATED();
    Net net;
    net.connect();
    ASSERT_TRUE(net.ping());
    Scripted& filter = net.filter1();
    filter.script = [](abi::xdp_buff& frame, RunContext&) -> uint32_t {
        auto* data = static_cast<unsigned char*>(frame.data);
        if (static_cast<unsigned char*>(frame.data_end) - data < 42 || data[12] != 8 || data[13] != 0 || data[23] != 1) return XDP_PASS;
        std::array<unsigned char, 6> mac;
        std::memcpy(mac.data(), data, 6);
        std::memcpy(data, data + 6, 6);
        std::memcpy(data + 6, mac.data(), 6);
        std::array<unsigned char, 4> ip;
        std::memcpy(ip.data(), data + 26, 4);
        std::memcpy(data + 26, data + 30, 4);
        std::memcpy(data + 30, ip.data(), 4);
        data[34] = 0;  // echo reply; its sum grows by what the type shrank
        const unsigned sum = (static_cast<unsigned>(data[36]) << 8 | data[37]) + 0x800U;
        const unsigned folded = (sum & 0xffff) + (sum >> 16);
        data[36] = static_cast<unsigned char>(folded >> 8);
        data[37] = static_cast<unsigned char>(folded);
        return XDP_TX;
    };
    filter.on = true;
    EXPECT_TRUE(net.ping());
    EXPECT_GE(net.ports->status().at(0).ends[1].verdicts[XDP_TX], 3U);
    EXPECT_EQ(net.ports->status().at(0).ends[1].verdicts[XDP_ABORTED], 0U);
}

TEST(PortTable, TwoTransmittersDoNotLoopForEver) {
    ISOLATED();
    Net net;
    net.connect();
    ASSERT_TRUE(net.ping());
    for (Scripted* filter : {&net.filter0(), &net.filter1()}) {
        filter->script = [](abi::xdp_buff&, RunContext&) { return uint32_t{XDP_TX}; };
        filter->on = true;
    }
    EXPECT_TRUE(net.silent(""));
    const PortStatus status = net.ports->status().at(0);
    EXPECT_GT(status.ends[0].loops + status.ends[1].loops, 0U);
}

TEST(PortTable, HeadroomAndTailroomArePresent) {
    ISOLATED();
    std::atomic<bool> good{true};
    std::atomic<uint32_t> ifindex{0};
    Net net;
    net.connect();
    ASSERT_TRUE(net.ping());
    Scripted& filter = net.filter1();
    filter.script = [&](abi::xdp_buff& frame, RunContext&) -> uint32_t {
        const auto* start = static_cast<std::byte*>(frame.data_hard_start);
        const auto* data = static_cast<std::byte*>(frame.data);
        const auto* end = static_cast<std::byte*>(frame.data_end);
        if (data - start != abi::xdp_packet_headroom || start + frame.frame_sz - end < std::ptrdiff_t{abi::xdp_tailroom}) good = false;
        ifindex = static_cast<uint32_t>(frame.rxq->dev->ifindex);
        std::memset(frame.data_hard_start, 0xff, abi::xdp_packet_headroom);  // ours to write
        std::memset(frame.data_end, 0xff, abi::xdp_tailroom);
        return XDP_PASS;
    };
    filter.on = true;
    EXPECT_TRUE(net.ping());
    EXPECT_TRUE(net.ping("-s 1472"));
    EXPECT_TRUE(good);
    EXPECT_EQ(ifindex, net.link(net.there.get(), "veth1").ifindex);
}

// A program that takes bytes off the front and puts them back, as tunnels do, on frames whose checksum is still to be filled in.
TEST(PortTable, AMovedHeadKeepsThePartialChecksum) {
    ISOLATED();
    Net net;
    net.connect();
    ASSERT_TRUE(net.ping());
    for (Scripted* filter : {&net.filter0(), &net.filter1()}) {
        filter->script = [](abi::xdp_buff& frame, RunContext&) -> uint32_t {
            auto* data = static_cast<std::byte*>(frame.data);
            std::memmove(data - 4, data, 14);  // an Ethernet header with a tag of its own, 802.1Q, VLAN 0: accepted by any stack
            const std::array<unsigned char, 4> tag{0x81, 0x00, 0x00, 0x00};
            std::memcpy(data + 8, tag.data(), 4);
            frame.data = data - 4;
            return XDP_PASS;
        };
        filter->on = true;
    }
    EXPECT_TRUE(net.ping());
    EXPECT_TRUE(net.transfer(1 << 20));
}

TEST(PortTable, TcpWithSegmentationOffload) {
    ISOLATED();
    Net net;
    net.connect();
    EXPECT_TRUE(net.transfer(64 << 20));
    EXPECT_TRUE(net.transfer(16 << 20, "fd00::2"));
    const PortStatus status = net.ports->status().at(0);
    // Frames larger than the MTU: on the average, too.
    EXPECT_GT(status.ends[1].bytes / status.ends[1].frames, 1514U);
}

// As on Linux: a program that runs natively sees no frame larger than the MTU; in generic mode it does.
TEST(PortTable, FramesAreCutForNativeXdp) {
    ISOLATED();
    std::atomic<size_t> largest{0};  // outlives the packet thread
    Net net;
    net.connect();
    Scripted& filter = net.filter1();
    filter.script = [&](abi::xdp_buff& frame, RunContext&) -> uint32_t {
        const auto size = static_cast<size_t>(static_cast<std::byte*>(frame.data_end) - static_cast<std::byte*>(frame.data));
        if (size > largest) largest = size;
        return XDP_PASS;
    };
    filter.on = true;
    EXPECT_TRUE(net.transfer(16 << 20));
    EXPECT_EQ(largest, 1514U);
    EXPECT_TRUE(net.transfer(16 << 20, "fd00::2"));
    EXPECT_EQ(largest, 1514U);
    filter.native = false;
    EXPECT_TRUE(net.transfer(16 << 20));
    EXPECT_GT(largest, 1514U);
}

// A packet socket bound to an interface, which tells of tags (PACKET_AUXDATA).
Fd packet_socket(int netns, const std::string& name) {
    Fd fd;
    EXPECT_TRUE(in_network_namespace(netns, [&]() -> Result<void> {
                    fd = Fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
                    sockaddr_ll address{};
                    address.sll_family = AF_PACKET;
                    address.sll_protocol = htons(ETH_P_ALL);
                    address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
                    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail(errno, "bind");
                    return {};
                }).ok());
    const int one = 1;
    setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
    const timeval limit{5, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

struct Received {
    std::vector<unsigned char> bytes;
    uint16_t vlan_protocol = 0, vlan_tci = 0;
};

// The next frame with `marker` as its last byte.
Received receive_marked(int fd, unsigned char marker) {
    Received received;
    for (int i = 0; i < 100; ++i) {
        received.bytes.assign(70000, 0);
        iovec piece{received.bytes.data(), received.bytes.size()};
        alignas(cmsghdr) std::array<unsigned char, 256> control;
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = recvmsg(fd, &message, 0);
        if (size <= 0) break;
        received.bytes.resize(static_cast<size_t>(size));
        if (received.bytes.back() != marker) continue;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            tpacket_auxdata data{};
            std::memcpy(&data, CMSG_DATA(c), sizeof data);
            if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
            received.vlan_protocol = data.tp_vlan_tpid;
            received.vlan_tci = data.tp_vlan_tci;
        }
        return received;
    }
    received.bytes.clear();
    return received;
}

// The kernel takes the outer tag out of the bytes on the way to graft; the receiver gets the same frame.
TEST(PortTable, VlanTagsArePutBack) {
    ISOLATED();
    Net net;
    net.connect();
    const Fd sender = packet_socket(net.here.get(), "veth0");
    const Fd receiver = packet_socket(net.there.get(), "veth1");
    struct Case {
        std::vector<unsigned char> tags;
        uint16_t protocol, tci;
    };
    unsigned char marker = 0xa0;
    for (const bool with_xdp : {false, true}) {
        net.filter1().on = with_xdp;
        for (const Case& c :
             {Case{{}, 0, 0}, Case{{0x81, 0, 0x60, 5}, 0x8100, 0x6005}, Case{{0x88, 0xa8, 0, 7, 0x81, 0, 0, 8}, 0x88a8, 7}}) {
            std::vector<unsigned char> frame{2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4};
            frame.insert(frame.end(), c.tags.begin(), c.tags.end());
            frame.insert(frame.end(), {0x88, 0xb5});
            frame.resize(frame.size() + 80, 0x11);
            frame.back() = ++marker;
            ASSERT_EQ(send(sender.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
            const Received got = receive_marked(receiver.get(), marker);
            EXPECT_EQ(got.vlan_protocol, c.protocol);
            EXPECT_EQ(got.vlan_tci, c.tci);
            if (c.protocol != 0) frame.erase(frame.begin() + 12, frame.begin() + 16);
            EXPECT_EQ(got.bytes, frame);
        }
    }
}

TEST(PortTable, TheMtuOfTheReceiverDecides) {
    ISOLATED();
    Net net;
    net.connect();
    EXPECT_TRUE(net.ping("-s 1472 -M do"));
    EXPECT_TRUE(net.silent("-s 1473 -M do"));
    ASSERT_EQ(shell(net.here.get(), "ip link set veth0 mtu 9000"), 0);
    EXPECT_TRUE(net.silent("-s 5000 -M do"));  // longer than veth1 takes
    ASSERT_EQ(shell(net.there.get(), "ip link set veth1 mtu 65535"), 0);
    ASSERT_EQ(shell(net.here.get(), "ip link set veth0 mtu 65535"), 0);
    EXPECT_TRUE(net.ping("-s 5000 -M do"));
    EXPECT_TRUE(net.ping("-s 65000 -M do"));
    EXPECT_TRUE(net.transfer(8 << 20));
    net.ports->drain();
    const PortStatus status = net.ports->status().at(0);
    EXPECT_EQ(status.ends[0].mtu, 65535U);
    EXPECT_EQ(net.recorder.peer_mtus.at(status.ends[1].key), 65535U);
}

TEST(PortTable, CarrierFollowsTheOtherEnd) {
    ISOLATED();
    Net net;
    net.connect();
    EXPECT_TRUE(net.link(net.here.get(), "veth0").carrier);
    ASSERT_EQ(shell(net.there.get(), "ip link set veth1 down"), 0);
    net.ports->drain();
    EXPECT_FALSE(net.link(net.here.get(), "veth0").carrier);
    EXPECT_TRUE(net.silent(""));
    ASSERT_EQ(shell(net.there.get(), "ip link set veth1 up"), 0);
    net.ports->drain();
    EXPECT_TRUE(net.link(net.here.get(), "veth0").carrier);
    EXPECT_TRUE(net.ping());
}

TEST(PortTable, DeletingOneEndDeletesTheOther) {
    ISOLATED();
    for (const bool first : {true, false}) {
        Net net;
        net.connect();
        const DeviceKey key0{net.here_cookie, net.link(net.here.get(), "veth0").ifindex};
        const DeviceKey key1{net.there_cookie, net.link(net.there.get(), "veth1").ifindex};
        ASSERT_EQ(first ? shell(net.here.get(), "ip link del veth0") : shell(net.there.get(), "ip link del veth1"), 0);
        net.ports->drain();
        EXPECT_FALSE(net.exists(net.here.get(), "veth0"));
        EXPECT_FALSE(net.exists(net.there.get(), "veth1"));
        EXPECT_TRUE(net.ports->status().empty());
        for (const DeviceKey key : {key0, key1}) {
            EXPECT_NE(std::find(net.recorder.gone.begin(), net.recorder.gone.end(), key), net.recorder.gone.end());
        }
    }
}

TEST(PortTable, ADyingNamespaceTakesBothEnds) {
    ISOLATED();
    Net net;
    net.connect();
    net.there = Fd();
    for (int i = 0; i < 2000 && (net.exists(net.here.get(), "veth0") || net.recorder.gone_namespaces.empty()); ++i) {
        usleep(5000);
        net.ports->drain();
    }
    EXPECT_FALSE(net.exists(net.here.get(), "veth0"));
    EXPECT_TRUE(net.ports->status().empty());
    ASSERT_EQ(net.recorder.gone_namespaces.size(), 1U);
    EXPECT_EQ(net.recorder.gone_namespaces[0], net.there_cookie);
}

TEST(PortTable, AnEndMovesToAnotherNamespace) {
    ISOLATED();
    Net net;
    net.connect();
    const Fd third = std::move(make_network_namespace().value());
    const uint64_t third_cookie = netns_cookie(third.get()).value();
    const DeviceKey before{net.there_cookie, net.link(net.there.get(), "veth1").ifindex};
    // A holder of the namespace that `ip link set netns` can name.
    ASSERT_EQ(shell(net.there.get(), "ip link set veth1 netns /proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(third.get())),
              0);
    net.ports->drain();
    const LinkInfo moved = net.link(third.get(), "veth1");
    ASSERT_NE(moved.ifindex, 0U);
    ASSERT_EQ(net.recorder.moves.size(), 1U);
    EXPECT_EQ(net.recorder.moves[0].first, before);
    const DeviceKey stand_in = net.recorder.moves[0].second;
    ASSERT_TRUE(net.ports->learn(third_cookie, third.get()).ok());
    const DeviceKey after{third_cookie, moved.ifindex};
    ASSERT_EQ(net.recorder.moves.size(), 2U);
    EXPECT_EQ(net.recorder.moves[1], std::make_pair(stand_in, after));
    EXPECT_TRUE(net.ports->is_port(after));
    EXPECT_FALSE(net.ports->is_port(before));
    ASSERT_EQ(shell(third.get(), "ip addr add 10.0.0.2/24 dev veth1 && ip link set veth1 up"), 0);
    net.ports->drain();
    EXPECT_TRUE(net.ping());
    EXPECT_TRUE(net.recorder.gone.empty());
    // Back where veth0 is: the two are neighbours then.
    ASSERT_EQ(shell(third.get(), "ip link set veth1 netns /proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(net.here.get())), 0);
    net.ports->drain();
    const auto peer = net.ports->peer_of({net.here_cookie, net.link(net.here.get(), "veth0").ifindex});
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->ifindex, net.link(net.here.get(), "veth1").ifindex);
    EXPECT_FALSE(peer->nsid);
}

TEST(PortTable, PeersAreNamedAsTheirNamespaceSeesThem) {
    ISOLATED();
    Net net;
    net.connect();
    const DeviceKey key0{net.here_cookie, net.link(net.here.get(), "veth0").ifindex};
    auto peer = net.ports->peer_of(key0);
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->ifindex, net.link(net.there.get(), "veth1").ifindex);
    EXPECT_EQ(peer->nsid, -1);
    PortTable::introduce(net.here.get(), net.there.get());
    peer = net.ports->peer_of(key0);
    EXPECT_EQ(peer->nsid, 0);  // counted from 0, as without graft
    EXPECT_FALSE(net.ports->peer_of({net.here_cookie, 1}));
}

TEST(PortTable, RenamedEndIsKnownByItsNewName) {
    ISOLATED();
    Net net;
    net.connect();
    ASSERT_EQ(shell(net.there.get(), "ip link set veth1 down && ip link set veth1 name other && ip link set other up"), 0);
    EXPECT_EQ(net.ports->status().at(0).ends[1].name, "other");
    EXPECT_TRUE(net.ping());
}

TEST(PortTable, RedirectComesOutOfTheOtherPort) {
    ISOLATED();
    std::atomic<uint32_t> forth{0}, back{0};  // packets may look at them until `net` has gone
    Net net;
    net.connect();
    // A second port from `there` to a third namespace; what veth1 gets for 10.0.0.3 is sent out of veth2, and back.
    const Fd third = std::move(make_network_namespace().value());
    ASSERT_TRUE(net.ports->learn(netns_cookie(third.get()).value(), third.get()).ok());
    std::string why;
    ASSERT_TRUE(net.ports->create_port(named_link("veth2"), net.there.get(), named_link("veth3"), third.get(), why).ok());
    ASSERT_EQ(shell(net.there.get(), "ip link set veth2 up"), 0);
    ASSERT_EQ(shell(third.get(), "ip addr add 10.0.0.3/24 dev veth3 && ip link set veth3 up && ip link set lo up"), 0);
    net.ports->drain();
    const LinkInfo veth1 = net.link(net.there.get(), "veth1");
    const LinkInfo veth2 = net.link(net.there.get(), "veth2");
    const auto to = [](const std::atomic<uint32_t>& ifindex) {
        return [&ifindex](abi::xdp_buff&, RunContext& context) -> uint32_t {
            context.redirect.ifindex = ifindex;
            return XDP_REDIRECT;
        };
    };
    forth = veth2.ifindex;
    back = veth1.ifindex;
    net.filter(net.there_cookie, veth1).script = to(forth);
    net.filter(net.there_cookie, veth2).script = to(back);
    net.filter(net.there_cookie, veth1).on = net.filter(net.there_cookie, veth2).on = true;
    EXPECT_EQ(shell(net.here.get(), "ping -q -c 3 -i 0.05 -W 2 10.0.0.3 >/dev/null"), 0);
    EXPECT_TRUE(net.transfer(8 << 20, "10.0.0.3", third.get()));
    forth = 999;
    EXPECT_TRUE(net.silent(""));
    EXPECT_GT(net.ports->status().at(0).ends[1].redirect_errors, 0U);
}

// What a devmap holds, without its maker.
class Targets final : public DevmapMap {
public:
    explicit Targets(IdTable<Map>& ids) : DevmapMap(MapSpec{}, ids) {}
    void add(DeviceKey key) {
        auto& made = entries.emplace_back(std::make_unique<DevmapEntry>());
        made->value.ifindex = key.ifindex;
        made->netns_cookie = key.netns_cookie;
    }
    [[nodiscard]] const DevmapEntry* entry(uint32_t key) const override { return key < entries.size() ? entries[key].get() : nullptr; }
    [[nodiscard]] const DevmapEntry* next_entry(uint64_t& cursor) const override {
        return cursor < entries.size() ? entries[cursor++].get() : nullptr;
    }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return fail(EINVAL); }
    Result<void> erase(Bytes) override { return fail(EINVAL); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return fail(EINVAL); }
    void interface_gone(uint64_t, uint32_t) override {}
    [[nodiscard]] uint64_t memory() const override { return 0; }
    std::vector<std::unique_ptr<DevmapEntry>> entries;
};

// veth1 sends what it gets out of all targets: the sender's own port, another one, and one that does not exist.
TEST(PortTable, BroadcastReachesEveryTarget) {
    ISOLATED();
    std::atomic<uint64_t> flags{BPF_F_BROADCAST};
    Net net;
    net.connect();
    const Fd third = std::move(make_network_namespace().value());
    ASSERT_TRUE(net.ports->learn(netns_cookie(third.get()).value(), third.get()).ok());
    std::string why;
    ASSERT_TRUE(net.ports->create_port(named_link("veth2"), net.there.get(), named_link("veth3"), third.get(), why).ok());
    ASSERT_EQ(shell(net.there.get(), "ip link set veth2 up"), 0);
    ASSERT_EQ(shell(third.get(), "ip link set veth3 up"), 0);
    net.ports->drain();
    IdTable<Map> ids;
    Ref<Targets> targets = make_ref<Targets>(ids);
    const DeviceKey veth1{net.there_cookie, net.link(net.there.get(), "veth1").ifindex};
    targets->add({net.there_cookie, net.link(net.there.get(), "veth2").ifindex});
    targets->add({net.there_cookie, 999});
    targets->add(veth1);
    Scripted& filter = *net.recorder.filters.at(veth1);
    filter.script = [&](abi::xdp_buff&, RunContext& context) -> uint32_t {
        context.redirect.map = targets.get();
        context.redirect.flags = flags;
        return XDP_REDIRECT;
    };
    filter.on = true;
    const Fd sender = packet_socket(net.here.get(), "veth0");
    const Fd back = packet_socket(net.here.get(), "veth0");
    const Fd other = packet_socket(third.get(), "veth3");
    const int one = 1;
    setsockopt(back.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    unsigned char marker = 0xb0;
    for (const uint64_t exclude : {uint64_t{0}, uint64_t{BPF_F_EXCLUDE_INGRESS}}) {
        flags = BPF_F_BROADCAST | exclude;
        std::vector<unsigned char> frame{2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 0x88, 0xb5};
        frame.resize(100, 0x22);
        frame.back() = ++marker;
        ASSERT_EQ(send(sender.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
        EXPECT_EQ(receive_marked(other.get(), marker).bytes, frame);
        if (exclude == 0) {
            EXPECT_EQ(receive_marked(back.get(), marker).bytes, frame);
        } else {
            const timeval soon{0, 200000};
            setsockopt(back.get(), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
            EXPECT_TRUE(receive_marked(back.get(), marker).bytes.empty());
        }
    }
    filter.on = false;
    net.loop->run([] {});
}

TEST(PortTable, FailureLeavesNothingBehind) {
    ISOLATED();
    Net net;
    ASSERT_EQ(shell(net.here.get(), "ip link add veth0 type veth peer name other"), 0);
    std::string why;
    EXPECT_EQ(net.ports->create_port(named_link("veth0"), net.here.get(), named_link("veth1"), net.there.get(), why).code(), EEXIST);
    EXPECT_FALSE(net.exists(net.there.get(), "veth1"));
    EXPECT_EQ(net.ports->create_port(named_link("veth1"), net.there.get(), named_link("veth0"), net.here.get(), why).code(), EEXIST);
    EXPECT_FALSE(net.exists(net.there.get(), "veth1"));
    const auto pending = net.ports->begin(named_link("veth1"), net.there.get(), why);
    ASSERT_TRUE(pending.ok());
    EXPECT_EQ(net.ports->commit(pending.value()).code(), ENODEV);  // nobody made the other half
    EXPECT_FALSE(net.exists(net.there.get(), "veth1"));
}

// Clients delete and make links while frames run.
TEST(PortTable, Churn) {
    ISOLATED();
    Net net;
    for (int i = 0; i < 20; ++i) {
        net.connect();
        EXPECT_EQ(shell(net.here.get(), "timeout 0.1 ping -q -f 10.0.0.2 >/dev/null 2>&1 & sleep 0.02; ip link del veth0; wait"), 0);
        net.ports->drain();
        EXPECT_TRUE(net.ports->status().empty());
    }
}

}  // namespace
}  // namespace graft
