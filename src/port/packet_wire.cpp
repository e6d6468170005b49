#include "port/packet_wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace graft {
namespace {

constexpr uint32_t small_slot = 4096;
constexpr uint32_t large_slot = 17 * 4096;  // a frame of 65,535 bytes and its reserves
constexpr size_t tag_size = 4;              // of an 802.1Q header

PacketRing::Shape small_shape() { return {small_slot, 256, 4, 0, PacketRing::largest_frame(small_slot)}; }
// 15 slots of 17 pages are 255 pages, one less than the kernel gets in one piece.
PacketRing::Shape large_shape() { return {large_slot, 15, 4, PacketRing::largest_frame(small_slot) + 1, UINT32_MAX}; }

// Writes what stands in front of the frame's first byte on a packet socket, and puts a tag back that had been taken out.  There is room: a
// program cannot use the first 40 bytes of the headroom.
std::span<std::byte> to_packet_socket(const Frame& frame) {
    std::byte* data = frame.data;
    Offload offload = frame.offload;
    if (frame.vlan_protocol != 0) {
        std::memmove(data - tag_size, data, 2 * ETH_ALEN);
        data -= tag_size;
        const std::array<uint16_t, 2> tag{htons(frame.vlan_protocol), htons(frame.vlan_tci)};
        std::memcpy(data + 2 * ETH_ALEN, tag.data(), sizeof tag);
        if ((offload.flags & Offload::needs_csum) != 0) offload.csum_start = static_cast<uint16_t>(offload.csum_start + tag_size);
        if (offload.gso_type != 0) offload.hdr_len = static_cast<uint16_t>(offload.hdr_len + tag_size);
    }
    std::byte* const begin = data - sizeof offload;
    std::memcpy(begin, &offload, sizeof offload);
    return {begin, frame.data_end};
}

}  // namespace

PacketWire::PacketWire(PacketRing small, PacketRing large)
    : small_(std::move(small)), large_(std::move(large)), descriptors_{small_.fd(), large_.fd()} {}

Result<std::unique_ptr<PacketWire>> PacketWire::open(uint32_t ifindex) {
    PacketRing small = TRY(PacketRing::open(ifindex, small_shape()));
    PacketRing large = TRY(PacketRing::open(ifindex, large_shape()));
    return std::unique_ptr<PacketWire>(new PacketWire(std::move(small), std::move(large)));
}

size_t PacketWire::receive(std::span<Frame> into) {
    size_t count = 0;
    while (count < into.size()) {
        // Of one flow, the frame of the other ring that came before the one seen here is visible once this one is: so look there again.
        uint64_t small_time = small_.next_arrival();
        const uint64_t large_time = large_.next_arrival();
        if (small_time == 0) small_time = small_.next_arrival();
        if (small_time == 0 && large_time == 0) break;
        const bool from_small = small_time != 0 && (large_time == 0 || small_time <= large_time);
        if ((from_small ? small_ : large_).take(into[count])) ++count;
    }
    return count;
}

void PacketWire::release() {
    small_.release();
    large_.release();
}

SendResult PacketWire::send(std::span<const Frame> frames) {
    SendResult result;
    std::array<mmsghdr, batch> messages;
    std::array<iovec, batch> pieces;
    while (!frames.empty()) {
        const size_t count = std::min(frames.size(), batch);
        for (size_t i = 0; i < count; ++i) {
            const std::span<std::byte> bytes = to_packet_socket(frames[i]);
            pieces[i] = {bytes.data(), bytes.size()};
            messages[i] = {};
            messages[i].msg_hdr.msg_iov = &pieces[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        for (size_t done = 0; done < count;) {
            const int sent = sendmmsg(small_.fd(), &messages[done], static_cast<unsigned>(count - done), MSG_DONTWAIT);
            if (sent < 0 && errno == EINTR) continue;
            // An error is the first message's: that frame is lost, the others go on.
            (sent > 0 ? result.sent : result.dropped) += sent > 0 ? static_cast<size_t>(sent) : 1;
            done += sent > 0 ? static_cast<size_t>(sent) : 1;
        }
        frames = frames.subspan(count);
    }
    return result;
}

uint64_t PacketWire::take_overruns() { return small_.take_overruns() + large_.take_overruns(); }

}  // namespace graft
