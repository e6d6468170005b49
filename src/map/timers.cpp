#include "map/timers.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <new>

#include "abi/bpf.h"
#include "base/thread.h"
#include "map/map.h"

namespace graft {

Timer::Timer(Timers& all, ElementTimers& map, void* its_value, int its_clock)
    : timers(all), home(&map), value(its_value), clock(its_clock) {
    // A place in the queue is made now: arming allocates nothing.
    TimerQueue maker;
    place = maker.extract(maker.emplace(0, this).first);
}

namespace {

constexpr std::array<clockid_t, 2> host_clocks = {CLOCK_MONOTONIC, CLOCK_BOOTTIME};
constexpr uint64_t second = 1'000'000'000;
constexpr uint64_t never = INT64_MAX;

std::atomic_ref<Timer*> slot_of(void* field) { return std::atomic_ref(*static_cast<Timer**>(field)); }
Timer* timer_in(void* field) { return slot_of(field).load(std::memory_order_acquire); }

}  // namespace

// --- the thread
// ----------------------------------------------------------------------------------------------------------------------------

Result<void> Timers::start_thread() {
    const std::lock_guard guard(lock_);
    if (thread_.joinable()) return {};
    for (size_t i = 0; i < clocks_.size(); ++i) {
        clocks_[i].alarm = Fd(timerfd_create(host_clocks[i], TFD_CLOEXEC | TFD_NONBLOCK));
        if (!clocks_[i].alarm) return fail(errno, "no timerfd for the timers of a map");
    }
    stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop_) return fail(errno, "no eventfd for the timers of a map");
    // Signals are for the threads of who made the kernel.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Result<std::thread> started = graft::start_thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    thread_ = TRY(std::move(started));
    return {};
}

void Timers::stop_thread() {
    if (!thread_.joinable()) return;
    stopping_.store(true, std::memory_order_relaxed);
    eventfd_write(stop_.get(), 1);
    thread_.join();
}

void Timers::run() {
    std::array<pollfd, clock_count + 1> waits{};
    for (size_t i = 0; i < clocks_.size(); ++i) waits[i] = {clocks_[i].alarm.get(), POLLIN, 0};
    waits.back() = {stop_.get(), POLLIN, 0};
    for (;;) {
        if (poll(waits.data(), waits.size(), -1) < 0) continue;
        if (waits.back().revents != 0) return;
        for (const Clock& clock : clocks_) {
            uint64_t times;
            (void)!read(clock.alarm.get(), &times, sizeof times);
        }
        // A callback may arm its timer for at once, for ever.
        while (!stopping_.load(std::memory_order_relaxed) && something_is_due()) runner_.run_due(*this);
    }
}

uint64_t Timers::now(int clock) {
    timespec time{};
    clock_gettime(host_clocks[static_cast<size_t>(clock)], &time);
    return static_cast<uint64_t>(time.tv_sec) * second + static_cast<uint64_t>(time.tv_nsec);
}

bool Timers::something_is_due() {
    const std::lock_guard guard(lock_);
    bool due = false;
    for (int i = 0; i < clock_count; ++i) {
        Clock& clock = clocks_[static_cast<size_t>(i)];
        if (clock.queue.empty()) continue;
        if (clock.queue.begin()->first <= now(i)) {
            due = true;
        } else {
            set_alarm(clock);  // the one that rang is over
        }
    }
    return due;
}

std::optional<TimerCall> Timers::begin() {
    const std::lock_guard guard(lock_);
    for (int i = 0; i < clock_count; ++i) {
        const TimerQueue& queue = clocks_[static_cast<size_t>(i)].queue;
        if (queue.empty() || queue.begin()->first > now(i)) continue;
        Timer& timer = *queue.begin()->second;
        disarm(timer);
        running_ = Ref<Timer>::share(&timer);
        return TimerCall{timer.callee, &timer.home->map_, timer.value};
    }
    return std::nullopt;
}

void Timers::end() {
    Ref<Timer> done;
    const std::lock_guard guard(lock_);
    std::swap(done, running_);
    ran_.notify_all();
}

// --- arming
// --------------------------------------------------------------------------------------------------------------------------------

void Timers::set_alarm(Clock& clock) {
    itimerspec when{};
    if (!clock.queue.empty()) {
        const uint64_t due = std::max<uint64_t>(clock.queue.begin()->first, 1);
        when.it_value = {.tv_sec = static_cast<time_t>(due / second), .tv_nsec = static_cast<long>(due % second)};
    }
    timerfd_settime(clock.alarm.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Timers::arm(Timer& timer, uint64_t due) {
    disarm(timer);
    Clock& clock = clocks_[static_cast<size_t>(timer.clock)];
    timer.place.value() = {due, &timer};
    timer.queued = clock.queue.insert(std::move(timer.place)).position;
    if (timer.queued == clock.queue.begin()) set_alarm(clock);
}

bool Timers::disarm(Timer& timer) {
    if (!timer.place.empty()) return false;
    timer.place = clocks_[static_cast<size_t>(timer.clock)].queue.extract(timer.queued);
    return true;
}

// --- what programs ask for
// -----------------------------------------------------------------------------------------------------------------

std::optional<int> Timers::clock_of(uint64_t flags) {
    switch (flags) {
        case CLOCK_MONOTONIC:
        case CLOCK_REALTIME:  // asked for, but not heeded
            return monotonic;
        case CLOCK_BOOTTIME:
            return boottime;
        default:
            return std::nullopt;
    }
}

long Timers::init(void* field, Map& map, uint64_t flags) {
    const std::optional<int> clock = clock_of(flags);
    if (!clock) return -EINVAL;
    ElementTimers& home = *map.timers();
    Timers& timers = home.timers_;
    const std::lock_guard guard(timers.lock_);
    if (timer_in(field) != nullptr) return -EBUSY;
    // Who takes the map's last user away comes to remove_all() after this, or was there before.
    if (map.user_count() == 0) return -EPERM;
    try {
        Ref<Timer> timer = make_ref<Timer>(timers, home, static_cast<std::byte*>(field) - home.offset_, *clock);
        home.all_.push_front(timer);
        timer->listed = home.all_.begin();
        slot_of(field).store(timer.get(), std::memory_order_release);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
    return 0;
}

long Timers::set_callback(void* field, const Callback& callback) {
    Timer* const timer = timer_in(field);
    if (timer == nullptr) return -EINVAL;
    TimerCallee callee = timer->timers.runner_.keep(callback);  // in the end what was called until now: let go without the lock
    if (!callee.program) return -ENOENT;
    const std::lock_guard guard(timer->timers.lock_);
    if (timer->home == nullptr) return -EINVAL;
    if (timer->home->map_.user_count() == 0) return -EPERM;
    std::swap(timer->callee, callee);
    return 0;
}

long Timers::start(void* field, uint64_t nanoseconds, uint64_t flags) {
    if ((flags & ~(abi::f_timer_abs | abi::f_timer_cpu_pin)) != 0) return -EINVAL;
    Timer* const timer = timer_in(field);
    if (timer == nullptr) return -EINVAL;
    Timers& timers = timer->timers;
    const std::lock_guard guard(timers.lock_);
    if (timer->home == nullptr || !timer->callee.program) return -EINVAL;
    const uint64_t from = (flags & abi::f_timer_abs) != 0 ? 0 : now(timer->clock);
    timers.arm(*timer, nanoseconds < never - from ? from + nanoseconds : never);
    return 0;
}

long Timers::cancel(void* field) {
    Timer* const timer = timer_in(field);
    if (timer == nullptr) return -EINVAL;
    Timers& timers = timer->timers;
    TimerCallee callee;
    std::unique_lock guard(timers.lock_);
    const auto runs = [&] { return timers.running_.get() == timer; };
    if (runs() && std::this_thread::get_id() == timers.thread_.get_id()) return -EDEADLK;
    std::swap(timer->callee, callee);
    const bool was_armed = timers.disarm(*timer);
    timers.ran_.wait(guard, [&] { return !runs(); });
    return timers.disarm(*timer) || was_armed ? 1 : 0;
}

// --- elements
// ------------------------------------------------------------------------------------------------------------------------------

void ElementTimers::remove(void* value) {
    void* const field = static_cast<std::byte*>(value) + offset_;
    if (timer_in(field) == nullptr) return;
    TimerCallee callee;
    Ref<Timer> removed;
    const std::lock_guard guard(timers_.lock_);
    // Once more: two clients may write an element at the same time, and outside of a read section.
    if (Timer* const timer = timer_in(field)) take_out(*timer, callee, removed);
}

void ElementTimers::remove_all() {
    for (;;) {
        TimerCallee callee;
        Ref<Timer> removed;
        const std::lock_guard guard(timers_.lock_);
        if (all_.empty()) return;
        take_out(*all_.front(), callee, removed);
    }
}

void ElementTimers::take_out(Timer& timer, TimerCallee& callee, Ref<Timer>& removed) {
    timers_.disarm(timer);
    slot_of(static_cast<std::byte*>(timer.value) + offset_).store(nullptr, std::memory_order_release);
    timer.home = nullptr;
    std::swap(timer.callee, callee);
    std::swap(*timer.listed, removed);
    all_.erase(timer.listed);
}

}  // namespace graft
