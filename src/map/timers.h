// Timers: struct bpf_timer in values of maps, and the thread on which their callbacks run.
//
// A value holds the address of its Timer; programs reach it inside an rcu::ReadGuard.  A timer goes when its element does, or when its map
// loses its last user; what it would have called is then let go.  One thread runs the callbacks of a kernel, one after the other.
// Thread safety: every method from any thread; cancel() waits for a callback that runs, unless it is called from it.
// Source: what Linux 6.12 answers (test/syscall/timer_test.cpp).
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/fd.h"
#include "base/rcu.h"
#include "base/result.h"
#include "object/object.h"

namespace graft {

struct Callback;
class ElementTimers;
class Map;
class Timer;
class Timers;

// A function of a program, kept to be called later.
struct TimerCallee {
    Ref<Object> program;
    uint32_t function = 0;
};

using TimerQueue = std::set<std::pair<uint64_t, Timer*>>;  // by when they are due, ns of their clock

// Guarded by Timers::lock_, all that is not const.
class Timer final : public RefCounted {
public:
    // May throw std::bad_alloc.
    Timer(Timers& all, ElementTimers& map, void* its_value, int its_clock);

    Timers& timers;
    ElementTimers* home;  // null: the element has gone
    void* const value;
    const int clock;
    TimerCallee callee;
    TimerQueue::node_type place;  // empty: it is armed
    TimerQueue::iterator queued;
    std::list<Ref<Timer>>::iterator listed;

private:
    void last_reference_gone() const override { rcu::delete_later(deferral_, this); }
    mutable rcu::Deferral deferral_;
};

// A callback that is to run now.
struct TimerCall {
    TimerCallee callee;
    Map* map;
    void* value;
};

// What enters programs for timers.
class TimerRunner {
public:
    virtual ~TimerRunner() = default;
    // No program: it is on its way out.
    virtual TimerCallee keep(const Callback& callback) = 0;
    // Makes ready to run a program, and then takes the call that is due, if one still is: Timers::begin() and end().
    virtual void run_due(Timers& timers) = 0;
};

// The kernel's.
class Timers {
public:
    explicit Timers(TimerRunner& runner) : runner_(runner) {}
    ~Timers() { stop_thread(); }
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;

    // Before the first timer.  EMFILE, ENFILE, ENOMEM, EAGAIN.
    Result<void> start_thread();
    // No callback runs any more.
    void stop_thread();

    // --- helpers: 0 or -errno ------------------------------------------------------------------------------------------------------
    // `field`: the bpf_timer in a value of that map; `flags`: its clock.  EBUSY: there is one; EPERM: the map has no users; EINVAL; ENOMEM.
    static long init(void* field, Map& map, uint64_t flags);
    // EINVAL: not initialised (for start: or without a callback); EPERM: the map has no users.
    // ENOENT: the program is on its way out.
    static long set_callback(void* field, const Callback& callback);
    static long start(void* field, uint64_t nanoseconds, uint64_t flags);
    // 1: it was armed; EDEADLK: from its own callback.
    static long cancel(void* field);

    // --- the runner ----------------------------------------------------------------------------------------------------------------
    // Nothing: what was due is no longer.  Inside an rcu::ReadGuard, which is held until end().
    std::optional<TimerCall> begin();
    void end();

private:
    friend class ElementTimers;
    enum { monotonic, boottime, clock_count };
    struct Clock {
        TimerQueue queue;
        Fd alarm;  // a timerfd, set to the first
    };
    static std::optional<int> clock_of(uint64_t flags);
    static uint64_t now(int clock);
    void run();
    void set_alarm(Clock& clock);
    void arm(Timer& timer, uint64_t due);
    bool disarm(Timer& timer);  // was it armed?
    bool something_is_due();

    TimerRunner& runner_;
    std::mutex lock_;  // of all timers
    std::condition_variable ran_;
    std::array<Clock, clock_count> clocks_;
    Fd stop_;  // an eventfd
    std::atomic<bool> stopping_{false};
    Ref<Timer> running_;
    std::thread thread_;
};

// One map's.
class ElementTimers {
public:
    ElementTimers(Timers& timers, Map& map, uint32_t offset) : timers_(timers), map_(map), offset_(offset) {}
    // Its map has lost its users, so there are no timers any more.
    ~ElementTimers() = default;
    ElementTimers(const ElementTimers&) = delete;
    ElementTimers& operator=(const ElementTimers&) = delete;

    // The element goes, or its value is written anew.  Does not wait for a callback that runs.
    void remove(void* value);
    void remove_all();

private:
    friend class Timers;
    // Under the lock.  What it held is let go by the caller, without the lock.
    void take_out(Timer& timer, TimerCallee& callee, Ref<Timer>& removed);
    Timers& timers_;
    Map& map_;
    const uint32_t offset_;  // of the bpf_timer in a value, bytes
    std::list<Ref<Timer>> all_;
};

}  // namespace graft
