// PacketWire: the wire to one interface of graft's hidden namespace, over AF_PACKET.
//
// Two rings: one of many small slots, one of a few that hold a frame of 64 KB; arrival times keep their order.
// Made in the namespace of the interface; as any Wire used by one thread afterwards.
#pragma once

#include <array>
#include <memory>

#include "port/packet_ring.h"

namespace graft {

class PacketWire final : public Wire {
public:
    // In the namespace of the calling thread.
    static Result<std::unique_ptr<PacketWire>> open(uint32_t ifindex);

    [[nodiscard]] std::span<const int> poll_descriptors() const override { return descriptors_; }
    size_t receive(std::span<Frame> into) override;
    void release() override;
    SendResult send(std::span<const Frame> frames) override;
    uint64_t take_overruns() override;

    static constexpr size_t batch = 64;  // frames in one system call

private:
    PacketWire(PacketRing small, PacketRing large);

    PacketRing small_, large_;
    std::array<int, 2> descriptors_;
};

}  // namespace graft
