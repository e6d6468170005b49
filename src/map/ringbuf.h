// BPF_MAP_TYPE_RINGBUF: records of any length from programs on all CPUs to one client, which maps the memory and reads without a call.
//
// The memory is a page with the position up to which the client has read, a page with that up to which programs have written, and the data,
// twice in a row so that a record may run over the end.  A client may write to all of it: nothing but the first page is believed, and that
// only to lose the client its own records.  Thread safety: a spin lock around each step.
// Source: include/uapi/linux/bpf.h, what libbpf reads.
#pragma once

#include <deque>

#include "map/map_types.h"
#include "map/memory.h"
#include "map/spin_lock.h"

namespace graft {

class RingbufMap final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    // Programs': memory that nobody else has until it is submitted or discarded.  No record: no room, or longer than the ring.
    struct Reservation {
        std::byte* record = nullptr;
        uint64_t position = 0;
    };
    [[nodiscard]] Reservation reserve(uint64_t size);
    enum class End : uint32_t { submit = 0, discard = BPF_RINGBUF_DISCARD_BIT };
    // `flags`: BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP.
    void finish(const Reservation& reservation, End end, uint64_t flags);
    // BPF_RB_AVAIL_DATA and so on; 0 of anything else.
    [[nodiscard]] uint64_t query(uint64_t what);

    // An eventfd: written to when the client is to look.
    [[nodiscard]] int wake_fd() const { return wake_.get(); }

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return no_elements(); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return no_elements(); }
    Result<void> erase(Bytes) override { return no_elements(); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return no_elements(); }
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }
    [[nodiscard]] int backing_fd() const override { return memory_.fd(); }

private:
    static Error no_elements() { return fail(abi::enotsupp, "a ring buffer has no elements"); }
    RingbufMap(MapSpec spec, MapEnvironment& environment, Memory memory, Fd wake)
        : Map(std::move(spec), environment.ids), memory_(std::move(memory)), wake_(std::move(wake)) {}
    [[nodiscard]] std::atomic<uint64_t>& read_position() const { return *reinterpret_cast<std::atomic<uint64_t>*>(memory_.get()); }
    [[nodiscard]] std::atomic<uint64_t>& written_position() const;
    [[nodiscard]] std::byte* data() const;

    // What is reserved, in order, as far back as the first that is not finished.
    struct Pending {
        uint64_t position;
        bool finished;
    };

    Memory memory_;
    Fd wake_;
    SpinLock lock_;
    uint64_t written_ = 0;  // the one that counts; under lock_
    std::deque<Pending> pending_;
};

}  // namespace graft
