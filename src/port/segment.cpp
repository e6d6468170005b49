#include "port/segment.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace graft {
namespace {

// VIRTIO_NET_HDR_GSO_*
constexpr uint8_t gso_tcp4 = 1, gso_tcp6 = 4, gso_udp = 5, gso_ecn = 0x80;
constexpr size_t most_segments = 4096;  // a sender that asks for segments of one byte does not get 65,000 of them

constexpr uint8_t tcp_fin_psh = 0x01 | 0x08, tcp_cwr = 0x80;

uint16_t load16(const std::byte* from) {
    uint16_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return ntohs(value);
}
uint32_t load32(const std::byte* from) {
    uint32_t value = 0;
    std::memcpy(&value, from, sizeof value);
    return ntohl(value);
}
void store16(std::byte* to, size_t value) {
    const uint16_t bytes = htons(static_cast<uint16_t>(value));
    std::memcpy(to, &bytes, sizeof bytes);
}
void store32(std::byte* to, uint32_t value) {
    const uint32_t bytes = htonl(value);
    std::memcpy(to, &bytes, sizeof bytes);
}

uint64_t sum16(const std::byte* from, size_t size) {  // size is even
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i += 2) sum += load16(from + i);
    return sum;
}
uint16_t fold(uint64_t sum) {
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}

// Where the headers of a frame are.
struct Headers {
    size_t network = 0, transport = 0, payload = 0;  // offsets
    bool ipv6 = false;
    bool tcp = false;
};

bool find_headers(const Frame& frame, Headers& headers) {
    const size_t size = frame.size();
    const uint8_t type = frame.offload.gso_type & static_cast<uint8_t>(~gso_ecn);
    if (type != gso_tcp4 && type != gso_tcp6 && type != gso_udp) return false;
    if ((frame.offload.flags & Offload::needs_csum) == 0 || frame.offload.gso_size == 0) return false;
    size_t at = 2 * ETH_ALEN;
    if (size < at + 2) return false;
    while (load16(frame.data + at) == ETH_P_8021Q || load16(frame.data + at) == ETH_P_8021AD) {
        at += 4;
        if (size < at + 2) return false;
    }
    const uint16_t protocol = load16(frame.data + at);
    headers.network = at + 2;
    headers.transport = frame.offload.csum_start;
    headers.ipv6 = protocol == ETH_P_IPV6;
    headers.tcp = type != gso_udp;
    if (headers.ipv6) {
        if (type == gso_tcp4 || size < headers.network + 40 || headers.transport < headers.network + 40) return false;
        // Extension headers may stand between; a tunnel may not.
        const auto next = std::to_integer<uint8_t>(frame.data[headers.network + 6]);
        if (headers.transport == headers.network + 40 && next != (headers.tcp ? IPPROTO_TCP : IPPROTO_UDP)) return false;
        if (headers.transport > headers.network + 40 &&
            (next == IPPROTO_TCP || next == IPPROTO_UDP || next == IPPROTO_IPIP || next == IPPROTO_IPV6 || next == IPPROTO_GRE))
            return false;
    } else {
        if (protocol != ETH_P_IP || type == gso_tcp6 || size < headers.network + 20) return false;
        const size_t length = 4 * (std::to_integer<size_t>(frame.data[headers.network]) & 0xf);
        const auto next = std::to_integer<uint8_t>(frame.data[headers.network + 9]);
        if (length < 20 || headers.transport != headers.network + length || next != (headers.tcp ? IPPROTO_TCP : IPPROTO_UDP)) return false;
    }
    size_t transport_size = 8;
    if (headers.tcp) {
        if (size < headers.transport + 20) return false;
        transport_size = 4 * (std::to_integer<size_t>(frame.data[headers.transport + 12]) >> 4);
        if (transport_size < 20) return false;
    }
    headers.payload = headers.transport + transport_size;
    return headers.payload < size;
}

struct Piece {
    size_t index = 0, offset = 0, size = 0;
    bool last = false;
};

void finish_network(std::byte* data, const Headers& headers, const Piece& piece) {
    std::byte* const ip = data + headers.network;
    const size_t behind_ethernet = headers.payload - headers.network + piece.size;
    if (headers.ipv6) {
        store16(ip + 4, behind_ethernet - 40);
        return;
    }
    store16(ip + 2, behind_ethernet);
    store16(ip + 4, load16(ip + 4) + piece.index);
    store16(ip + 10, 0);
    store16(ip + 10, static_cast<uint16_t>(~fold(sum16(ip, headers.transport - headers.network))));
}

// The sum of the pseudo header, which is what stands in a checksum that is to be filled in.
uint16_t pseudo_sum(const std::byte* data, const Headers& headers, size_t length) {
    const std::byte* const ip = data + headers.network;
    const uint64_t addresses = headers.ipv6 ? sum16(ip + 8, 32) : sum16(ip + 12, 8);
    return fold(addresses + (headers.tcp ? IPPROTO_TCP : IPPROTO_UDP) + length);
}

void finish_transport(std::byte* data, const Headers& headers, const Piece& piece) {
    std::byte* const transport = data + headers.transport;
    const size_t length = headers.payload - headers.transport + piece.size;
    if (!headers.tcp) {
        store16(transport + 4, length);
        store16(transport + 6, pseudo_sum(data, headers, length));
        return;
    }
    store32(transport + 4, load32(transport + 4) + static_cast<uint32_t>(piece.offset));
    if (!piece.last) transport[13] &= std::byte{static_cast<uint8_t>(~tcp_fin_psh)};
    if (piece.index != 0) transport[13] &= std::byte{static_cast<uint8_t>(~tcp_cwr)};
    store16(transport + 16, pseudo_sum(data, headers, length));
}

}  // namespace

bool cut_into_segments(const Frame& frame, FrameArena& arena, std::vector<Frame>& into) {
    Headers headers;
    if (!find_headers(frame, headers)) return false;
    const size_t payload = frame.size() - headers.payload;
    const size_t unit = frame.offload.gso_size;
    if ((payload + unit - 1) / unit > most_segments) return false;
    for (Piece piece; piece.offset < payload; piece.offset += unit, ++piece.index) {
        piece.size = std::min(unit, payload - piece.offset);
        piece.last = piece.offset + piece.size == payload;
        Frame segment = arena.make(headers.payload + piece.size);
        std::memcpy(segment.data, frame.data, headers.payload);
        std::memcpy(segment.data + headers.payload, frame.data + headers.payload + piece.offset, piece.size);
        finish_network(segment.data, headers, piece);
        finish_transport(segment.data, headers, piece);
        segment.offload.flags = Offload::needs_csum;
        segment.offload.csum_start = frame.offload.csum_start;
        segment.offload.csum_offset = frame.offload.csum_offset;
        segment.vlan_protocol = frame.vlan_protocol;
        segment.vlan_tci = frame.vlan_tci;
        into.push_back(segment);
    }
    return true;
}

}  // namespace graft
