#include "port/frame_arena.h"

#include <cstring>

#include "abi/kernel_types.h"

namespace graft {

Frame FrameArena::make(size_t length) {
    Frame frame;
    frame.frame_size = static_cast<uint32_t>(abi::xdp_packet_headroom + length + abi::xdp_tailroom);
    frame.hard_start = allocate(frame.frame_size);
    frame.data = frame.hard_start + abi::xdp_packet_headroom;
    frame.data_end = frame.data + length;
    return frame;
}

Frame FrameArena::copy(const Frame& frame) {
    Frame made = make(frame.size());
    std::memcpy(made.data, frame.data, frame.size());
    made.offload = frame.offload;
    made.vlan_protocol = frame.vlan_protocol;
    made.vlan_tci = frame.vlan_tci;
    return made;
}

void FrameArena::reset() {
    chunk_ = chunk_used_ = used_ = 0;
    if (chunks_.size() > 1) chunks_.resize(1);
}

// A frame is shorter than a chunk: 64 KB and its reserves.
std::byte* FrameArena::allocate(size_t size) {
    size = (size + 63) & ~size_t{63};
    if (!chunks_.empty() && chunk_used_ + size > chunk_size) {
        ++chunk_;
        chunk_used_ = 0;
    }
    if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_size));
    std::byte* const memory = chunks_[chunk_].get() + chunk_used_;
    chunk_used_ += size;
    used_ += size;
    return memory;
}

}  // namespace graft
