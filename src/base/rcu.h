// Read-copy-update: liburcu (memb flavour) behind four names.
//
// A reader holds an rcu::ReadGuard and loads published pointers with rcu::load; it never waits.  A writer publishes with rcu::store (or
// rcu::exchange) and hands what readers may still see to rcu::retire.  Threads register themselves on first use.
// Under ThreadSanitizer the guard and synchronize carry the ordering that liburcu's assembly hides from it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>

#include "base/ref.h"

namespace graft::rcu {

// Nests.  Do not block inside.
class ReadGuard {
public:
    ReadGuard();
    ~ReadGuard();
    ReadGuard(const ReadGuard&) = delete;
    ReadGuard& operator=(const ReadGuard&) = delete;
};

// Waits until every reader that was inside a ReadGuard has left it.  Never call it inside one.
void synchronize();

// Runs `free` on another thread after a grace period.
void defer(std::function<void()> free);

// Waits until everything deferred before this call has run (tests, shutdown).
void barrier();

// Drops a reference after a grace period.
template <class T>
void retire(Ref<T> ref) {
    if (ref) defer([object = ref.release()] { object->drop_ref(); });
}

// One call to come after a grace period, kept inside the object it is about: it allocates nothing, so it cannot fail.
class Deferral {
public:
    Deferral() = default;
    Deferral(const Deferral&) = delete;
    Deferral& operator=(const Deferral&) = delete;
    // Calls function(object) on another thread.  Once.
    void call(void (*function)(void*), void* object) noexcept;

private:
    friend struct DeferralAccess;
    alignas(void*) std::byte head_[2 * sizeof(void*)];  // liburcu's rcu_head
    void (*function_)(void*) = nullptr;
    void* object_ = nullptr;
};

// Deletes an object that readers may still see, after a grace period.
template <class T>
void delete_later(Deferral& deferral, const T* object) noexcept {
    deferral.call([](void* late) { delete static_cast<const T*>(late); }, const_cast<T*>(object));
}

template <class T>
[[nodiscard]] T* load(const std::atomic<T*>& slot) {
    return slot.load(std::memory_order_acquire);  // consume, as compilers implement it
}
template <class T>
void store(std::atomic<T*>& slot, T* value) {
    slot.store(value, std::memory_order_release);
}
template <class T>
[[nodiscard]] T* exchange(std::atomic<T*>& slot, T* value) {
    return slot.exchange(value, std::memory_order_acq_rel);
}

}  // namespace graft::rcu
