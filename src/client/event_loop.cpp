#include "client/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace graft::client {

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
    stopped_ = true;
    post([] {});
}

void EventLoop::run() {
    std::array<epoll_event, 64> events;
    while (!stopped_) {
        const int timeout = idle_ ? static_cast<int>(idle_().count()) : -1;
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<size_t>(i)];
            std::shared_ptr<Callback> callback;
            {
                const std::lock_guard guard(lock_);
                const auto it = watched_.find(static_cast<int>(event.data.u64 & UINT32_MAX));
                if (it != watched_.end() && it->second.generation == event.data.u64 >> 32) callback = it->second.callback;
            }
            if (callback) (*callback)(event.events);
        }
    }
}

}  // namespace graft::client
