// Object: what a bpf(2) file descriptor refers to: a map, a program, a BTF or a link.
//
// An object lives as long as somebody holds a Ref: a client's descriptors (together one), a pin, a link, a map that contains it, a hook.
// When the last goes, the destructor undoes what the object did (a link detaches).  Objects are found by id through an IdTable, which
// does not own them.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/ref.h"

namespace graft {

// statistics: what BPF_ENABLE_STATS gives; nothing but closing it can be done with one.  perf_event: what perf_event_open gives for the
// output of programs; trace_event: what it gives for a tracepoint.  transaction: changes of links, collected.
enum class ObjectKind : uint8_t { map, program, btf, link, statistics, perf_event, trace_event, transaction };

class Object : public RefCounted {
public:
    [[nodiscard]] ObjectKind object_kind() const { return object_kind_; }

    // The memfd that backs the object, when the object has memory a client may map (a BPF_F_MMAPABLE array); else -1 and client/ makes an
    // empty one.  Owned by the object.
    [[nodiscard]] virtual int backing_fd() const { return -1; }

    // See UserRef.
    void add_user() { users_.fetch_add(1, std::memory_order_relaxed); }
    void drop_user() {
        if (users_.fetch_sub(1, std::memory_order_seq_cst) == 1) users_gone();
    }
    [[nodiscard]] uint32_t user_count() const { return users_.load(std::memory_order_seq_cst); }

protected:
    explicit Object(ObjectKind kind) : object_kind_(kind) {}

    // The last user has gone.  Others may still hold the object, and it may find users again (by its id).
    virtual void users_gone() {}

private:
    ObjectKind object_kind_;
    std::atomic<uint32_t> users_{0};
};

// A reference that stands for a user: all of the clients' descriptors of an object have one together, each pin has one.  References between
// objects are none: a program array gives up its programs when it has lost its users, else an array and a program that uses it kept each
// other alive.
class UserRef {
public:
    UserRef() = default;
    UserRef(std::nullptr_t) {}
    UserRef(Ref<Object> object) : object_(std::move(object)) {
        if (object_) object_->add_user();
    }
    UserRef(UserRef&& other) noexcept : object_(std::move(other.object_)) {}
    UserRef& operator=(UserRef&& other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    UserRef(const UserRef&) = delete;
    UserRef& operator=(const UserRef&) = delete;
    ~UserRef() {
        if (object_) object_->drop_user();
    }

    [[nodiscard]] const Ref<Object>& ref() const { return object_; }
    [[nodiscard]] Object* get() const { return object_.get(); }
    explicit operator bool() const { return static_cast<bool>(object_); }

private:
    Ref<Object> object_;
};

}  // namespace graft
