// Workers: threads for calls that may take long.  A group (one client's run) has a bounded number of them, so that no client can use up the
// threads of others.
//
// Threads are started as they are needed; one that has had nothing to do for a while ends, but for the last few.
// Thread safe.  The destructor waits for what runs and drops what waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace graft::client {

class Workers {
public:
    // linger: how long a thread waits for its next task before it ends.
    explicit Workers(unsigned per_group, std::chrono::milliseconds linger = std::chrono::seconds(2))
        : per_group_(per_group), linger_(linger) {}
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Runs the task on some thread; in the order given within a group while the group has all the threads it may have.
    void run(uint64_t group, std::function<void()> task);

    // Drops what waits, and waits for what runs; whether all has ended in time.
    [[nodiscard]] bool wait_idle(std::chrono::milliseconds patience);

    [[nodiscard]] size_t threads() const;

private:
    struct Group {
        unsigned running = 0;
        std::deque<std::function<void()>> waiting;
    };
    struct Task {
        uint64_t group;
        std::function<void()> run;
    };
    using Threads = std::list<std::thread>;
    bool start();  // lock_ held; false: the host starts no more threads
    void work(Threads::iterator self);
    void end_of_work(Threads::iterator self);  // lock_ held

    const unsigned per_group_;
    const std::chrono::milliseconds linger_;
    mutable std::mutex lock_;
    std::condition_variable ready_, idle_again_;
    std::deque<Task> runnable_;
    std::unordered_map<uint64_t, Group> groups_;
    Threads threads_;
    Threads ended_;      // to be joined: nobody else does
    unsigned idle_ = 0;  // threads that wait for a task
    bool stopping_ = false;
};

}  // namespace graft::client
