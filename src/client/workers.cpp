#include "client/workers.h"

#include <utility>

#include "base/thread.h"

namespace graft::client {
namespace {

constexpr size_t kept_threads = 2;

}  // namespace

Workers::~Workers() {
    std::unique_lock guard(lock_);
    stopping_ = true;
    runnable_.clear();
    groups_.clear();
    ready_.notify_all();
    idle_again_.wait(guard, [this] { return threads_.empty(); });
    guard.unlock();
    for (std::thread& thread : ended_) thread.join();
}

size_t Workers::threads() const {
    const std::lock_guard guard(lock_);
    return threads_.size();
}

bool Workers::wait_idle(std::chrono::milliseconds patience) {
    std::unique_lock guard(lock_);
    runnable_.clear();
    groups_.clear();
    return idle_again_.wait_for(guard, patience, [this] { return idle_ == threads_.size(); });
}

void Workers::run(uint64_t group, std::function<void()> task) {
    const std::lock_guard guard(lock_);
    if (stopping_) return;
    Group& mine = groups_[group];
    if (mine.running >= per_group_) {
        mine.waiting.push_back(std::move(task));
        return;
    }
    ++mine.running;
    runnable_.push_back({group, std::move(task)});
    if (idle_ >= runnable_.size()) {
        ready_.notify_one();
        return;
    }
    if (start() || !threads_.empty()) return;
    // No thread to be had, and none that takes it later: it has to be done here.
    Task here = std::move(runnable_.back());
    runnable_.pop_back();
    --mine.running;
    here.run();
}

bool Workers::start() {
    for (std::thread& thread : ended_) thread.join();
    ended_.clear();
    const auto self = threads_.emplace(threads_.end());
    Result<std::thread> started = start_thread([this, self] { work(self); });
    if (!started.ok()) {
        threads_.erase(self);
        return false;
    }
    *self = std::move(*started);  // it finds itself in the list: we hold the lock
    return true;
}

void Workers::end_of_work(Threads::iterator self) {
    ended_.splice(ended_.end(), threads_, self);
    idle_again_.notify_all();
}

void Workers::work(Threads::iterator self) {
    std::unique_lock guard(lock_);
    for (;;) {
        ++idle_;
        idle_again_.notify_all();
        const bool called = ready_.wait_for(guard, linger_, [this] { return stopping_ || !runnable_.empty(); });
        --idle_;
        if (stopping_ || (!called && threads_.size() > kept_threads)) return end_of_work(self);
        if (!called) continue;
        const Task task = std::move(runnable_.front());
        runnable_.pop_front();
        guard.unlock();
        task.run();
        guard.lock();
        const auto it = groups_.find(task.group);
        if (it == groups_.end()) continue;
        Group& group = it->second;
        if (!group.waiting.empty()) {
            runnable_.push_back({task.group, std::move(group.waiting.front())});
            group.waiting.pop_front();
        } else if (--group.running == 0) {
            groups_.erase(it);
        }
    }
}

}  // namespace graft::client
