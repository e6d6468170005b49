// EventLoop: one thread that waits for many descriptors and calls back.
//
// watch(), unwatch() and stop() may be called from any thread, callbacks run on the thread in run().  A callback may unwatch itself or
// others; one that was unwatched on the loop's own thread is not called any more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

class EventLoop {
public:
    using Callback = std::function<void(uint32_t events)>;

    static Result<std::unique_ptr<EventLoop>> create();
    EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

    // events: EPOLL*.  The descriptor is borrowed until unwatch().
    Result<void> watch(int fd, uint32_t events, Callback callback);
    void unwatch(int fd);

    // Called before each wait; says how long to wait (negative: for ever).
    void set_idle(std::function<std::chrono::milliseconds()> idle) { idle_ = std::move(idle); }

    // Runs `task` on the loop's thread, soon.
    void post(std::function<void()> task);

    void run();
    void stop();

private:
    void run_posted();

    Fd epoll_, wake_;
    std::function<std::chrono::milliseconds()> idle_;
    std::mutex lock_;
    struct Watched {
        uint32_t generation = 0;  // tells an event of a descriptor from one of another that had the same number in the same round
        std::shared_ptr<Callback> callback;  // shared, so that it may remove itself while it runs
    };
    std::unordered_map<int, Watched> watched_;
    uint32_t generation_ = 0;
    std::vector<std::function<void()>> posted_;
    std::atomic<bool> stopped_ = false;
};

}  // namespace graft::client
