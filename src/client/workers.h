// Workers: threads for calls that may take long.  A group (one client's run) has a bounded number of them, so that no client can use up the
// threads of others.
//
// Thread safe.  The destructor waits for what runs and drops what waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace graft::client {

class Workers {
public:
    explicit Workers(unsigned per_group) : per_group_(per_group) {}
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // Runs the task on some thread; in the order given within a group while the group has all the threads it may have.
    void run(uint64_t group, std::function<void()> task);

    // Drops what waits, and waits for what runs; whether all has ended in time.
    [[nodiscard]] bool wait_idle(std::chrono::milliseconds patience);

private:
    struct Group {
        unsigned running = 0;
        std::deque<std::function<void()>> waiting;
    };
    struct Task {
        uint64_t group;
        std::function<void()> run;
    };
    void work();

    const unsigned per_group_;
    std::mutex lock_;
    std::condition_variable ready_, idle_again_;
    std::deque<Task> runnable_;
    std::unordered_map<uint64_t, Group> groups_;
    std::vector<std::thread> threads_;
    unsigned idle_ = 0;  // threads that wait for a task
    bool stopping_ = false;
};

}  // namespace graft::client
