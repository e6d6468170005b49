// Wire: where frames come from and go to, below XDP: a hidden veth end over AF_PACKET; later TAP, pcap, AF_XDP.
//
// Thread safety: a Wire belongs to the thread of the packet loop.
// Ownership: the memory of a received Frame is the wire's and valid until its release(); frames of one wire may be sent on another before
// that. Units: a Frame starts with its Ethernet header, without FCS.  In front of data there are at least abi::xdp_packet_headroom bytes
// when it was received, behind data_end at least abi::xdp_tailroom.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace graft {

// Work that a sender left to do: struct virtio_net_hdr, as packet sockets put it in front of a frame.  Offsets count from the frame's
// start.
struct Offload {
    static constexpr uint8_t needs_csum = 1;  // flags: the sum from csum_start is to be stored at csum_start + csum_offset

    uint8_t flags = 0;
    uint8_t gso_type = 0;  // 0: none
    uint16_t hdr_len = 0;
    uint16_t gso_size = 0;
    uint16_t csum_start = 0;
    uint16_t csum_offset = 0;
};
static_assert(sizeof(Offload) == 10);

struct Frame {
    std::byte* hard_start = nullptr;  // the buffer's begin
    uint32_t frame_size = 0;          // the buffer's length
    std::byte* data = nullptr;
    std::byte* data_end = nullptr;
    Offload offload;
    uint16_t vlan_protocol = 0;  // a tag that was taken out of the bytes, as veth hands it to XDP (host order); 0: none
    uint16_t vlan_tci = 0;

    [[nodiscard]] size_t size() const { return static_cast<size_t>(data_end - data); }
};

// What happened to frames that were handed to send().
struct SendResult {
    size_t sent = 0;
    size_t dropped = 0;
};

class Wire {
public:
    virtual ~Wire() = default;

    // Descriptors that become readable when receive() has something.
    [[nodiscard]] virtual std::span<const int> poll_descriptors() const = 0;

    // Takes up to into.size() frames, in order of arrival; 0: nothing there now.
    virtual size_t receive(std::span<Frame> into) = 0;

    // Gives the memory of all frames received so far back.
    virtual void release() = 0;

    // Puts frames on the wire; never waits.  What cannot be sent now is dropped, as a device does.  May write into the headroom.
    virtual SendResult send(std::span<const Frame> frames) = 0;

    // Frames that were lost because nobody received in time; since the last call.
    virtual uint64_t take_overruns() = 0;
};

}  // namespace graft
