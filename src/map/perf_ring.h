// PerfRing: what perf_event_open gives for PERF_COUNT_SW_BPF_OUTPUT: a ring of records in memory that a client maps, filled by programs.
//
// The first page is a perf_event_mmap_page, the ring follows.  How large the ring is decides the client by what it maps, so nothing is
// written before enable() has been told.  The client writes data_tail: it is not believed further than to lose the client its own records.
// Thread safety: output() by the thread that holds the ring's CPU slot; the others by any.
// Errno of output(): ENOSPC: the ring is full, or not enabled; E2BIG: the record is longer than 64 KB.
// Source: include/uapi/linux/perf_event.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/fd.h"
#include "map/memory.h"
#include "object/object.h"

namespace graft {

class PerfRing final : public Object {
public:
    struct Options {
        uint32_t cpu = 0;         // whose programs write
        bool with_time = false;   // PERF_SAMPLE_TIME beside PERF_SAMPLE_RAW
        uint32_t wake_after = 0;  // bytes with `by_bytes`, else records; 0: each record
        bool by_bytes = false;
    };
    static constexpr size_t page = 4096;
    static constexpr size_t largest = 16U << 20;  // bytes of the ring that a client may map

    // ENOMEM, EMFILE.
    static Result<Ref<PerfRing>> create(const Options& options);

    [[nodiscard]] int backing_fd() const override { return memory_.fd(); }
    // An eventfd: written to when the client is to look.
    [[nodiscard]] int wake_fd() const { return wake_.get(); }
    [[nodiscard]] uint32_t cpu() const { return options_.cpu; }
    [[nodiscard]] const std::byte* memory() const { return memory_.get(); }

    // `size`: bytes behind the first page that the client has mapped.  EINVAL: not 2^n pages.
    Result<void> enable(size_t size);
    void disable() { size_.store(0, std::memory_order_relaxed); }

    // One record of the parts, one behind the other.  0, or -errno.
    long output(std::span<const Bytes> parts);

private:
    PerfRing(const Options& options, Memory memory, Fd wake)
        : Object(ObjectKind::perf_event), options_(options), memory_(std::move(memory)), wake_(std::move(wake)) {}
    // Room for `size` bytes behind head_?
    [[nodiscard]] bool has_room(size_t size, size_t ring) const;
    void append(Bytes bytes, size_t ring);
    void report_lost(size_t ring);
    void publish(size_t written);

    const Options options_;
    Memory memory_;
    Fd wake_;
    std::atomic<size_t> size_{0};  // 0: disabled
    // Of the writer:
    uint64_t head_ = 0;
    uint64_t lost_ = 0;
    uint64_t unseen_ = 0;  // records or bytes since the last wake
};

}  // namespace graft
