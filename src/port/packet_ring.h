// PacketRing: one AF_PACKET socket with a memory-mapped TPACKET_V2 receive ring of fixed slots, bound to one interface.
//
// Frames are delivered with a virtio_net_hdr (PACKET_VNET_HDR) and with headroom for XDP (PACKET_RESERVE), so that a program runs on them
// in place.  A classic filter keeps the ring to frames of a range of lengths: fixed slots that hold a 64 KB frame are too few for small
// ones, so a wire has two rings.
//
// Thread safety: one thread.  errno: EPERM without CAP_NET_RAW in the namespace, ENODEV, ENOMEM.
#pragma once

#include <linux/if_packet.h>

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "port/wire.h"

namespace graft {

class PacketRing {
public:
    struct Shape {
        uint32_t slot_size;        // a multiple of 16
        uint32_t slots_per_block;  // slot_size * slots_per_block is a multiple of the page
        uint32_t blocks;
        uint32_t min_length, max_length;  // of frames
    };

    // In the namespace of the calling thread.
    static Result<PacketRing> open(uint32_t ifindex, const Shape& shape);
    PacketRing(PacketRing&& other) noexcept;
    PacketRing& operator=(PacketRing&&) = delete;
    ~PacketRing();

    [[nodiscard]] int fd() const { return socket_.get(); }
    // When the next frame arrived, in ns of the real-time clock; 0: there is none.
    [[nodiscard]] uint64_t next_arrival() const;
    // Takes it.  Requires next_arrival() != 0.  False: the frame cannot be used (truncated) and was skipped.
    bool take(Frame& frame);
    // Gives all the slots taken back to the kernel.
    void release();
    // Frames that found no free slot since the last call.
    uint64_t take_overruns();

    // The bytes of a slot that are not the frame's and its reserves'.
    static uint32_t largest_frame(uint32_t slot_size);

private:
    PacketRing() = default;
    [[nodiscard]] tpacket2_hdr* slot(uint32_t index) const;

    Fd socket_;
    Shape shape_{};
    std::byte* memory_ = nullptr;
    size_t memory_size_ = 0;
    uint32_t next_ = 0;   // the slot that the kernel fills next, as far as we have read
    uint32_t taken_ = 0;  // slots before next_ that are ours still
};

}  // namespace graft
