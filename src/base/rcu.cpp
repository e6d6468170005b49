#include "base/rcu.h"

#define URCU_API_MAP
#include <urcu/urcu-memb.h>

#include <memory>
#include <new>
#include <semaphore>
#include <type_traits>

#include "base/rcu_thread.h"
#include "base/thread.h"

#if defined(__SANITIZE_THREAD__)
#define GRAFT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GRAFT_TSAN 1
#endif
#endif
#ifdef GRAFT_TSAN
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

namespace graft::rcu {
namespace {

struct Registration {
    Registration() { urcu_memb_register_thread(); }
    ~Registration() { urcu_memb_unregister_thread(); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
};

// liburcu's own thread, which runs what was deferred, is registered by liburcu.
thread_local bool registered_by_liburcu = false;

void register_this_thread() {
    if (registered_by_liburcu) return;
    static thread_local Registration registration;
}

#ifdef GRAFT_TSAN
char grace_period;  // the address that stands for "a grace period" in the annotations
void reader_left() { __tsan_release(&grace_period); }
void grace_period_over() { __tsan_acquire(&grace_period); }
#else
void reader_left() {}
void grace_period_over() {}
#endif

struct Deferred {
    rcu_head head;
    std::function<void()> free;
};

void run_deferred(rcu_head* head) {
    registered_by_liburcu = true;
    grace_period_over();
    // rcu_head is the first member of a standard-layout prefix; the address of the head is that of the Deferred.
    std::unique_ptr<Deferred> deferred(reinterpret_cast<Deferred*>(head));
    deferred->free();
}

}  // namespace

ReadGuard::ReadGuard() {
    register_this_thread();
    urcu_memb_read_lock();
}

ReadGuard::~ReadGuard() {
    reader_left();
    urcu_memb_read_unlock();
}

Result<void> start() {
    // liburcu does not say that it cannot.
    TRY(start_thread([] {})).join();
    urcu_memb_get_default_call_rcu_data();
    return {};
}

void synchronize() {
    register_this_thread();
    urcu_memb_synchronize_rcu();
    grace_period_over();
}

void defer(std::function<void()> free) {
    register_this_thread();
    auto deferred = std::make_unique<Deferred>();
    deferred->free = std::move(free);
    rcu_head* head = &deferred->head;
    reader_left();  // what the writer did happens before the callback, too
    (void)deferred.release();
    urcu_memb_call_rcu(head, run_deferred);
}

// The head is the first member, so its address is the Deferral's.
struct DeferralAccess {
    static void run(rcu_head* head) {
        registered_by_liburcu = true;
        grace_period_over();
        const Deferral& deferral = *reinterpret_cast<Deferral*>(head);
        deferral.function_(deferral.object_);
    }
    static_assert(std::is_standard_layout_v<Deferral> && sizeof(rcu_head) == sizeof Deferral::head_);
};

void Deferral::call(void (*function)(void*), void* object) noexcept {
    function_ = function;
    object_ = object;
    register_this_thread();
    reader_left();
    urcu_memb_call_rcu(new (head_) rcu_head, DeferralAccess::run);
}

void barrier() {
    // liburcu runs callbacks in the order of their deferral, so one behind the others says that they are done.  (urcu_memb_barrier does the
    // same inside the library, where ThreadSanitizer sees races.)
    const auto done = std::make_shared<std::binary_semaphore>(0);
    defer([done] { done->release(); });
    done->acquire();
}

}  // namespace graft::rcu
