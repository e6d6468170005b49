// FrameArena: memory for frames that the packet loop makes itself: segments, copies.
//
// Thread safety: one thread.  All of it is given back at once, by reset().
#pragma once

#include <memory>
#include <vector>

#include "port/wire.h"

namespace graft {

class FrameArena {
public:
    // A frame of `length` bytes, not written yet, with the head- and tailroom of a received one.
    Frame make(size_t length);
    // The same bytes, offload and tag.
    Frame copy(const Frame& frame);

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
