// Segmentation: cuts a frame that its sender left uncut (GSO) into frames of the link's size, as the sender's stack would have.
//
// While a program runs natively on a veth interface, Linux lets nothing larger than the MTU come to it: it switches the other end's offload
// off. graft cuts such frames itself, which needs no access to the sender's namespace.  TCP over IPv4 and IPv6, and UDP with UDP_SEGMENT;
// what is inside a tunnel cannot be told from the frame's offload header and stays whole.
//
// Pure, but for the memory that it takes from the arena.
#pragma once

#include <vector>

#include "port/frame_arena.h"

namespace graft {

// Appends the segments.  False: not to be cut (nothing appended).
bool cut_into_segments(const Frame& frame, FrameArena& arena, std::vector<Frame>& into);

}  // namespace graft
