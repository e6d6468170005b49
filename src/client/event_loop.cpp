#include "client/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/thread.h"

namespace graft::client {
namespace {

constexpr std::chrono::milliseconds stuck_after{250}, patience_at_end{5000};

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll || !wake) return fail(errno, "cannot make an epoll instance");
    auto loop = std::make_unique<EventLoop>(std::move(epoll), std::move(wake));
    EventLoop* const self = loop.get();
    TRY(loop->watch(self->wake_.get(), EPOLLIN, [self](uint32_t) { self->run_posted(); }));
    return loop;
}

Result<void> EventLoop::watch(int fd, uint32_t events, Callback callback) {
    const std::lock_guard guard(lock_);
    epoll_event event{};
    event.events = events;
    event.data.u64 = (static_cast<uint64_t>(++generation_) << 32) | static_cast<uint32_t>(fd);
    const int operation = watched_.contains(fd) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) return fail(errno, "cannot watch a descriptor");
    watched_[fd] = {generation_, std::make_shared<Callback>(std::move(callback))};
    return {};
}

void EventLoop::unwatch(int fd) {
    const std::lock_guard guard(lock_);
    if (watched_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::post(std::function<void()> task) {
    {
        const std::lock_guard guard(lock_);
        posted_.push_back(std::move(task));
    }
    const uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof(one)) < 0) return;  // full: it is awake
}

void EventLoop::run_posted() {
    uint64_t count = 0;
    if (read(wake_.get(), &count, sizeof(count)) < 0) return;
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard guard(lock_);
        tasks.swap(posted_);
    }
    for (const auto& task : tasks) task();
}

void EventLoop::stop() {
    {
        const std::lock_guard guard(leaders_lock_);
        stopped_ = true;
    }
    leader_left_.notify_all();
    post([] {});
}

bool EventLoop::run() {
    std::unique_lock guard(leaders_lock_);
    std::shared_ptr<Leader> leader = start_leader();
    if (!leader) return true;
    uint64_t seen = 0;
    while (!leader_left_.wait_for(guard, stuck_after, [this] { return stopped_.load(); })) {
        const uint64_t now = leader->progress;
        if (now % 2 == 1 && now == seen) {
            // Without another thread the loop waits with this one.
            const std::shared_ptr<Leader> next = start_leader();
            if (!next) continue;
            leader->deposed = true;
            leader = next;
            seen = 0;
        } else {
            seen = now;
        }
    }
    return leader_left_.wait_for(guard, patience_at_end, [this] { return leaders_ == 0; });
}

std::shared_ptr<EventLoop::Leader> EventLoop::start_leader() {
    auto leader = std::make_shared<Leader>();
    Result<std::thread> thread = start_thread([this, leader] {
        lead(*leader);
        // Under the lock: this object may be gone once run() has seen the number.
        const std::lock_guard guard(leaders_lock_);
        --leaders_;
        leader_left_.notify_all();
    });
    if (!thread.ok()) return nullptr;
    ++leaders_;
    thread->detach();
    return leader;
}

void EventLoop::lead(Leader& leader) {
    while (!stopped_ && !leader.deposed) wait_once(leader);
}

void EventLoop::wait_once(Leader& leader) {
    std::array<epoll_event, 16> events;
    ++leader.progress;
    const int timeout = idle_ ? static_cast<int>(idle_().count()) : -1;
    ++leader.progress;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    // What is left when the thread is deposed or the loop stopped is reported again to the next, or to nobody.
    for (int i = 0; i < count && !stopped_ && !leader.deposed; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        std::shared_ptr<Callback> callback;
        {
            const std::lock_guard guard(lock_);
            const auto it = watched_.find(static_cast<int>(event.data.u64 & UINT32_MAX));
            if (it != watched_.end() && it->second.generation == event.data.u64 >> 32) callback = it->second.callback;
        }
        ++leader.progress;
        if (callback) (*callback)(event.events);
        ++leader.progress;
    }
}

}  // namespace graft::client
