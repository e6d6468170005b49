// Programs that see a socket buffer, on a packet of the client's: tc programs from its Ethernet header on, socket filters from behind it.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/kernel_types.h"
#include "hook/test_run.h"

namespace graft {
namespace {

constexpr uint32_t page = 4096;
constexpr uint32_t loopback_mtu = 65536;
// Linux moves a frame to a larger place when a program needs more room; here there is more from the start.
constexpr uint32_t more_room = 4096;
constexpr uint32_t headroom = 64, tailroom = 320;  // Linux's NET_SKB_PAD and the room of its shared info
constexpr uint32_t ethernet_header = ETH_HLEN;
constexpr uint32_t largest_wire_len = 65536, most_segments = 65535;

struct Packet {
    alignas(64) std::array<std::byte, more_room + page + more_room> memory{};
    abi::net_device device{};
    abi::sk_buff skb{};
    [[nodiscard]] abi::skb_control& control() { return *reinterpret_cast<abi::skb_control*>(skb.cb); }
};

bool sees_ethernet_header(const Program& program) {
    return program.facts().type == BPF_PROG_TYPE_SCHED_CLS || program.facts().type == BPF_PROG_TYPE_SCHED_ACT;
}

// What the client may set; the fields between must be 0.
Result<void> check_context(const __sk_buff& context) {
    struct Gap {
        size_t from, to;
    };
    constexpr Gap gaps[] = {
        {0, offsetof(__sk_buff, mark)},
        {offsetof(__sk_buff, mark) + 4, offsetof(__sk_buff, priority)},
        {offsetof(__sk_buff, ifindex) + 4, offsetof(__sk_buff, cb)},
        {offsetof(__sk_buff, cb) + sizeof(__sk_buff::cb), offsetof(__sk_buff, tstamp)},
        {offsetof(__sk_buff, gso_segs) + 4, offsetof(__sk_buff, gso_size)},
        {offsetof(__sk_buff, gso_size) + 4, offsetof(__sk_buff, hwtstamp)},
    };
    const Bytes bytes = bytes_of(context);
    for (const Gap& gap : gaps) {
        const auto part = bytes.subspan(gap.from, gap.to - gap.from);
        if (std::any_of(part.begin(), part.end(), [](std::byte b) { return b != std::byte{0}; })) {
            return fail(EINVAL, "the context sets a field that a test run does not take");
        }
    }
    return {};
}

Result<void> take_context(const __sk_buff& context, Packet& packet) {
    abi::sk_buff& skb = packet.skb;
    skb.mark = context.mark;
    skb.priority = context.priority;
    skb.skb_iif = static_cast<int32_t>(context.ingress_ifindex);
    skb.tstamp = context.tstamp;
    std::memcpy(packet.control().data, context.cb, sizeof context.cb);
    packet.control().pkt_len = context.wire_len != 0 ? context.wire_len : skb.len;
    if (packet.control().pkt_len < skb.len || packet.control().pkt_len > largest_wire_len) {
        return fail(EINVAL, "wire_len is less than the packet or too much");
    }
    if (context.gso_segs > most_segments) return fail(EINVAL, "gso_segs is too large");
    skb.gso_segs = static_cast<uint16_t>(context.gso_segs);
    skb.gso_size = static_cast<uint16_t>(context.gso_size);
    skb.hwtstamp = context.hwtstamp;
    return {};
}

void give_context(Packet& packet, __sk_buff& context) {
    const abi::sk_buff& skb = packet.skb;
    context.mark = skb.mark;
    context.priority = skb.priority;
    context.ingress_ifindex = static_cast<uint32_t>(skb.skb_iif);
    context.ifindex = static_cast<uint32_t>(skb.dev->ifindex);
    context.tstamp = skb.tstamp;
    std::memcpy(context.cb, packet.control().data, sizeof context.cb);
    context.wire_len = packet.control().pkt_len;
    context.gso_segs = skb.gso_segs;
    context.hwtstamp = skb.hwtstamp;
}

// How the destination looks to the loopback, whose address, and broadcast address, is zeros.
uint8_t packet_type(const ethhdr& header) {
    static constexpr unsigned char own[ETH_ALEN] = {};
    if (std::memcmp(header.h_dest, own, ETH_ALEN) == 0) return PACKET_HOST;
    return (header.h_dest[0] & 1) != 0 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

// A packet that says it is IP has a whole IP header.
uint32_t shortest(uint16_t protocol) {
    switch (ntohs(protocol)) {
        case ETH_P_IP:
            return ethernet_header + 20;
        case ETH_P_IPV6:
            return ethernet_header + 40;
        default:
            return ethernet_header;
    }
}

Result<void> fill_packet(const TestRunRequest& request, Packet& packet) {
    const uint32_t size = request.data_size_in;
    if (size < ethernet_header || size > page - headroom - tailroom)
        return fail(EINVAL, "the packet is shorter than an Ethernet header or too long");
    constexpr uint32_t start = more_room + headroom;
    TRY(request.caller.read(request.data_in, std::span(packet.memory).subspan(start, size)));
    abi::sk_buff& skb = packet.skb;
    skb.head = reinterpret_cast<unsigned char*>(packet.memory.data());
    skb.data = skb.head + start;
    skb.len = size;
    skb.tail = start + size;
    skb.end = more_room + page - tailroom + more_room;
    skb.truesize = page;
    skb.mac_header = start;
    skb.mac_len = ethernet_header;
    skb.network_header = skb.transport_header = static_cast<uint16_t>(start + ethernet_header);
    ethhdr header;
    std::memcpy(&header, skb.data, sizeof header);
    if (size < shortest(header.h_proto)) return fail(EINVAL, "the packet is shorter than its IP header");
    skb.protocol = header.h_proto;
    skb.pkt_type = packet_type(header);
    skb.dev = &packet.device;
    return {};
}

void hide_ethernet_header(Packet& packet) {
    packet.skb.data += ethernet_header;
    packet.skb.len -= ethernet_header;
}

}  // namespace

Result<TestRunOutcome> test_run_skb(const TestRunRequest& request) {
    if (request.flags != 0 || request.cpu != 0 || request.batch_size != 0)
        return fail(EINVAL, "flags, cpu and batch_size are not of this program type");
    Packet packet;
    TRY(fill_packet(request, packet));
    __sk_buff context = zeroed<__sk_buff>();
    TRY(read_context(request, writable_bytes_of(context)));
    if (context.ifindex > 1 && !TRY(request.caller.has_interface(context.ifindex)))
        return fail(ENODEV, "no interface has the index ifindex");
    packet.device.mtu = loopback_mtu;
    packet.device.ifindex = context.ifindex > 1 ? static_cast<int32_t>(context.ifindex) : 1;
    packet.device.netns_cookie = TRY(request.caller.net_namespace()).cookie;
    const bool whole = sees_ethernet_header(request.program);
    if (!whole) hide_ethernet_header(packet);
    packet.control().data_meta = packet.skb.data;
    packet.control().data_end = packet.skb.data + packet.skb.len;
    if (request.has_context) {
        TRY(check_context(context));
        TRY(take_context(context, packet));
    }

    TestRunOutcome outcome;
    TRY(repeat_run(request, &packet.skb, outcome));

    // The hidden header comes back as zeros.
    if (!whole) outcome.data.resize(ethernet_header);
    const auto* first = reinterpret_cast<const std::byte*>(packet.skb.data);
    outcome.data.insert(outcome.data.end(), first, first + packet.skb.len);
    if (request.has_context) {
        give_context(packet, context);
        const Bytes bytes = bytes_of(context);
        outcome.context.assign(bytes.begin(), bytes.end());
    }
    return outcome;
}

}  // namespace graft
