// Ref<T>: shared ownership by a count inside the object.
//
// Thread safety: counts are atomic; one Ref is not to be written by two threads at once.
// T derives from RefCounted.  The last Ref to go destroys the object on the thread that dropped it, unless the object puts that off itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace graft {

class RefCounted {
public:
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    void add_ref() const { refs_.fetch_add(1, std::memory_order_relaxed); }

    // Takes a reference unless the count has already reached zero (a table that does not own finds a dying object).
    [[nodiscard]] bool try_add_ref() const {
        uint32_t seen = refs_.load(std::memory_order_relaxed);
        while (seen != 0) {
            if (refs_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
        }
        return false;
    }

    void drop_ref() const {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) last_reference_gone();
    }

    // For diagnostics and tests; stale when read.
    [[nodiscard]] uint32_t ref_count() const { return refs_.load(std::memory_order_relaxed); }

protected:
    RefCounted() = default;
    virtual ~RefCounted() = default;

    // An object that others reach without a reference (under RCU) leaves its tables here and is deleted later.
    virtual void last_reference_gone() const { delete this; }

private:
    mutable std::atomic<uint32_t> refs_{1};
};

template <class T>
class Ref {
public:
    Ref() = default;
    Ref(std::nullptr_t) {}
    Ref(const Ref& other) : object_(other.object_) {
        if (object_ != nullptr) object_->add_ref();
    }
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <class U>
        requires std::is_convertible_v<U*, T*>
    Ref(const Ref<U>& other) : object_(other.get()) {
        if (object_ != nullptr) object_->add_ref();
    }
    template <class U>
        requires std::is_convertible_v<U*, T*>
    Ref(Ref<U>&& other) noexcept : object_(other.release()) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr) object_->drop_ref();
    }

    // Takes over a reference that the caller holds (a freshly made object has one).
    [[nodiscard]] static Ref adopt(T* object) {
        Ref ref;
        ref.object_ = object;
        return ref;
    }
    // Takes a further reference.
    [[nodiscard]] static Ref share(T* object) {
        if (object != nullptr) object->add_ref();
        return adopt(object);
    }

    [[nodiscard]] T* get() const { return object_; }
    [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }
    friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }

private:
    T* object_ = nullptr;
};

template <class T, class... Args>
[[nodiscard]] Ref<T> make_ref(Args&&... args) {
    return Ref<T>::adopt(new T(std::forward<Args>(args)...));
}

template <class T, class U>
[[nodiscard]] Ref<T> static_ref_cast(Ref<U> ref) {
    return Ref<T>::adopt(static_cast<T*>(ref.release()));
}

}  // namespace graft
