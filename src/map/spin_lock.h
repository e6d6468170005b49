// SpinLock: a lock of a few instructions for a few instructions' work.  Yields the CPU when the holder seems to have lost it.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace graft {

class SpinLock {
public:
    void lock() {
        for (uint32_t tries = 0; locked_.exchange(true, std::memory_order_acquire); ++tries) {
            if (tries >= 64) sched_yield();
        }
    }
    void unlock() { locked_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> locked_{false};
};

}  // namespace graft
