// BoundDevice: an interface that programs are bound to (BPF_F_XDP_DEV_BOUND_ONLY), wherever it moves, until it goes.
//
// Thread safety: any thread.  Ownership: each program that is bound to it keeps it; hook/xdp.h makes it and says when the interface went.
#pragma once

#include <atomic>

#include "base/ref.h"

namespace graft {

class BoundDevice final : public RefCounted {
public:
    [[nodiscard]] bool gone() const { return gone_.load(std::memory_order_acquire); }
    void interface_gone() { gone_.store(true, std::memory_order_release); }

private:
    std::atomic<bool> gone_{false};
};

}  // namespace graft
