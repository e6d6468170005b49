#include "client/supervisor.h"

#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <new>

namespace graft::client {
namespace {

constexpr unsigned workers_per_client = 16;
constexpr std::chrono::milliseconds look_interval{1000}, hangs_after{250};

// Since 6.6: the host runs the answering thread on the client's CPU at once.
constexpr unsigned long set_flags = SECCOMP_IOW(4, uint64_t);
constexpr unsigned long sync_wake_up = 1;

}  // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::create(EventLoop& loop, Gateway& gateway, std::vector<TrapRow> rows) {
    auto supervisor = std::make_unique<Supervisor>(loop, gateway, std::move(rows));
    Supervisor* const self = supervisor.get();
    TRY(loop.watch(gateway.notices().fd(), EPOLLIN, [self](uint32_t) { self->gateway_.collect(); }));
    loop.set_idle([self] { return self->tick(); });
    return supervisor;
}

Supervisor::Supervisor(EventLoop& loop, Gateway& gateway, std::vector<TrapRow> rows)
    : loop_(loop), gateway_(gateway), rows_(std::move(rows)), filter_(make_filter(rows_)), workers_(workers_per_client) {}

Supervisor::~Supervisor() {
    close();
    loop_.set_idle({});
    loop_.unwatch(gateway_.notices().fd());
}

Result<void> Supervisor::add(NewClient client) {
    // Anything may come over a socket; what is no listener would be reported ready for ever.
    const uint64_t no_call = 0;
    if (ioctl(client.listener.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &no_call) != 0 && errno != ENOENT)
        return fail(EINVAL, "the descriptor is no seccomp listener");
    auto listener = std::make_shared<Listener>();
    listener->fd = std::move(client.listener);
    listener->pid = client.pid;
    listener->command = std::move(client.command);
    listener->explain = client.explain;
    // An older host does without.
    ioctl(listener->fd.get(), set_flags, sync_wake_up);
    const std::lock_guard guard(lock_);
    listener->id = ++last_id_;
    TRY(loop_.watch(listener->fd.get(), EPOLLIN, [this, listener](uint32_t events) { on_listener(listener, events); }));
    served_[listener->id] = {listener, std::move(client.ended)};
    return {};
}

std::vector<Supervisor::Client> Supervisor::list() const {
    const std::lock_guard guard(lock_);
    std::vector<Client> clients;
    for (const auto& [id, served] : served_) clients.push_back({id, served.listener->pid, served.listener->command});
    return clients;
}

void Supervisor::close() {
    std::map<uint64_t, Served> served;
    std::vector<std::weak_ptr<Trap>> unanswered;
    {
        const std::lock_guard guard(lock_);
        served.swap(served_);
        unanswered.swap(unanswered_);
    }
    for (const auto& [id, client] : served) {
        client.listener->closed = true;
        loop_.unwatch(client.listener->fd.get());
    }
    for (const auto& weak : unanswered) {
        if (const auto trap = weak.lock()) {
            trap->finish(Outcome::error(ENOSYS));
            trap->notice_gone();
        }
    }
}

void Supervisor::on_listener(const std::shared_ptr<Listener>& listener, uint32_t events) {
    if ((events & EPOLLIN) != 0) return receive(listener);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) remove(listener);
}

void Supervisor::remove(const std::shared_ptr<Listener>& listener) {
    std::function<void()> ended;
    {
        const std::lock_guard guard(lock_);
        const auto it = served_.find(listener->id);
        if (it == served_.end()) return;
        ended = std::move(it->second.ended);
        served_.erase(it);
    }
    loop_.unwatch(listener->fd.get());
    gateway_.collect();
    if (ended) ended();
}

void Supervisor::receive(const std::shared_ptr<Listener>& listener) {
    seccomp_notif notification{};
    // ENOENT: the client was killed before we came.
    if (ioctl(listener->fd.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) return;
    gateway_.collect();
    try {
        dispatch(std::make_shared<Trap>(listener, notification, gateway_), notification.data);
    } catch (const std::bad_alloc&) {
        // The Trap's destructor has answered.
    }
}

void Supervisor::dispatch(const std::shared_ptr<Trap>& trap, const seccomp_data& call) {
    const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const TrapRow& candidate) { return fits(candidate, call); });
    if (row == rows_.end()) return trap->finish(Outcome::proceed());
    // A client that makes the loop's thread hang on its memory does so once: from then on all its calls are workers'.
    Listener& client = *trap->listener();
    if ((!row->slow || !row->slow(call)) && !client.on_loop.exchange(true)) {
        const auto begun = std::chrono::steady_clock::now();
        handle(*row, trap);
        if (std::chrono::steady_clock::now() - begun < hangs_after) client.on_loop = false;
        return;
    }
    {
        const std::lock_guard guard(lock_);
        unanswered_.push_back(trap);
    }
    workers_.run(trap->listener()->id, [this, &row = *row, trap] { handle(row, trap); });
}

void Supervisor::handle(const TrapRow& row, const std::shared_ptr<Trap>& trap) {
    try {
        Outcome outcome = row.handle(trap);
        if (outcome.is_later()) {
            const std::lock_guard guard(lock_);
            unanswered_.push_back(trap);
            return;
        }
        trap->finish(std::move(outcome));
    } catch (const std::bad_alloc&) {
        trap->finish(Outcome::error(ENOMEM));
    }
}

std::chrono::milliseconds Supervisor::tick() {
    auto next = gateway_.next_collect();
    if (next.count() == 0) {
        gateway_.collect();
        next = gateway_.next_collect();
    }
    {
        const std::lock_guard guard(lock_);
        if (unanswered_.empty()) return next;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_look_) {
        next_look_ = now + look_interval;
        look_for_gone();
    }
    return next.count() < 0 ? look_interval : std::min(next, look_interval);
}

// A client that was killed while its call waits for something is noticed by asking.
void Supervisor::look_for_gone() {
    std::vector<std::shared_ptr<Trap>> waiting;
    {
        const std::lock_guard guard(lock_);
        std::erase_if(unanswered_, [&](const std::weak_ptr<Trap>& weak) {
            auto trap = weak.lock();
            if (!trap || trap->finished_) return true;
            waiting.push_back(std::move(trap));
            return false;
        });
    }
    for (const auto& trap : waiting) {
        if (trap->gone()) trap->notice_gone();
    }
}

}  // namespace graft::client
