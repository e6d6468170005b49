// EventLoop: one thread that waits for many descriptors and calls back; another takes its place when it is stuck.
//
// A callback may hang for as long as a client likes: reading the client's memory may fault into a filesystem or a userfaultfd that the
// client itself serves.  So a callback that lasts longer than the host's scheduling explains loses the loop: a new thread goes on, and the
// stuck one ends when its callback does.  Callbacks therefore run one after the other, save for those that hang.
//
// watch(), unwatch(), post() and stop() may be called from any thread.  A callback may unwatch itself or others; one that was unwatched by
// a callback is not called any more.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
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

    // Until stop().  Whether no callback hangs; else threads of ours are still in them, and what they use must not be destroyed.
    [[nodiscard]] bool run();
    void stop();

private:
    void run_posted();
    // One thread's time as the loop.
    struct Leader {
        std::atomic<uint64_t> progress = 0;  // odd: inside a callback
        std::atomic<bool> deposed = false;
    };
    std::shared_ptr<Leader> start_leader();  // leaders_lock_ held; null: the host starts no more threads
    void lead(Leader& leader);
    void wait_once(Leader& leader);

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
    std::mutex leaders_lock_;
    std::condition_variable leader_left_;  // or stop() was called
    unsigned leaders_ = 0;                 // threads in lead(), stuck ones included
};

}  // namespace graft::client
