// Segmenter: cuts a frame that its sender left uncut (GSO) into frames of the link's size, as the sender's stack would have.
//
// While a program runs natively on a veth interface, Linux lets nothing larger than the MTU come to it: it switches the other end's offload
// off. graft cuts such frames itself, which needs no access to the sender's namespace.  TCP over IPv4 and IPv6, and UDP with UDP_SEGMENT;
// what is inside a tunnel cannot be told from the frame's offload header and stays whole.
//
// Thread safety: one thread.  The frames' memory is the Segmenter's until reset(); each has the head- and tailroom of a received one.
#pragma once

#include <memory>
#include <vector>

#include "port/wire.h"

namespace graft {

class Segmenter {
public:
    // Appends the segments.  False: not to be cut (nothing appended).
    bool cut(const Frame& frame, std::vector<Frame>& into);

    // Bytes in use: a reason to send and reset().
    [[nodiscard]] size_t used() const { return used_; }
    void reset();

private:
    std::byte* allocate(size_t size);

    static constexpr size_t chunk_size = 1 << 20;
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    size_t chunk_ = 0;       // the one in use
    size_t chunk_used_ = 0;  // of it
    size_t used_ = 0;
};

}  // namespace graft
