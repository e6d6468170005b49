#include "map/ringbuf.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <bit>

#include "map/map_flags.h"

namespace graft {
namespace {

constexpr uint32_t page = 4096;
constexpr uint64_t longest_record = UINT32_MAX / 4;

// In front of each record.
struct Header {
    std::atomic<uint32_t> length;  // with BPF_RINGBUF_BUSY_BIT, BPF_RINGBUF_DISCARD_BIT
    uint32_t page_offset;          // of the header in the memory, as on Linux
};
static_assert(sizeof(Header) == BPF_RINGBUF_HDR_SZ);

uint64_t whole_size(uint64_t size) { return (size + sizeof(Header) + 7) & ~uint64_t{7}; }

}  // namespace

Result<void> RingbufMap::check(const MapSpec& spec, const MapEnvironment&) {
    if ((spec.flags & ~uint32_t{BPF_F_NUMA_NODE}) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    if (spec.key_size != 0 || spec.value_size != 0) return fail(EINVAL, "a ring buffer has neither keys nor values");
    if (!std::has_single_bit(spec.max_entries) || spec.max_entries % page != 0) {
        return fail(EINVAL, "max_entries, the size in bytes, is not 2^n whole pages");
    }
    return {};
}

Result<Ref<Map>> RingbufMap::create(MapSpec spec, MapEnvironment& environment) {
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail(errno, "eventfd");
    Memory memory = TRY(Memory::shared(2 * uint64_t{page} + 2 * uint64_t{spec.max_entries}));
    return Ref<Map>(Ref<RingbufMap>::adopt(new RingbufMap(std::move(spec), environment, std::move(memory), std::move(wake))));
}

std::atomic<uint64_t>& RingbufMap::written_position() const { return *reinterpret_cast<std::atomic<uint64_t>*>(memory_.get() + page); }
std::byte* RingbufMap::data() const { return memory_.get() + 2 * uint64_t{page}; }

RingbufMap::Reservation RingbufMap::reserve(uint64_t size) {
    const uint64_t ring = spec().max_entries, length = whole_size(size);
    if (size > longest_record || length > ring) return {};
    const uint64_t read = read_position().load(std::memory_order_acquire);
    const std::lock_guard guard(lock_);
    const uint64_t position = written_, next = position + length;
    const uint64_t oldest = pending_.empty() ? position : pending_.front().position;
    // A whole ring's worth would look empty.
    if (next - read > ring - 1 || next - oldest > ring - 1) return {};
    auto* const header = reinterpret_cast<Header*>(data() + (position & (ring - 1)));
    header->length.store(static_cast<uint32_t>(size) | BPF_RINGBUF_BUSY_BIT, std::memory_order_relaxed);
    header->page_offset = static_cast<uint32_t>((reinterpret_cast<std::byte*>(header) - memory_.get()) / page);
    pending_.push_back({position, false});
    written_ = next;
    written_position().store(next, std::memory_order_release);
    return {.record = reinterpret_cast<std::byte*>(header + 1), .position = position};
}

void RingbufMap::finish(const Reservation& reservation, End end, uint64_t flags) {
    auto* const header = reinterpret_cast<Header*>(reservation.record) - 1;
    const uint32_t length = header->length.load(std::memory_order_relaxed) & ~uint32_t{BPF_RINGBUF_BUSY_BIT};
    header->length.store(length | static_cast<uint32_t>(end), std::memory_order_seq_cst);
    {
        const std::lock_guard guard(lock_);
        for (Pending& pending : pending_) {
            if (pending.position == reservation.position) pending.finished = true;
        }
        while (!pending_.empty() && pending_.front().finished) pending_.pop_front();
    }
    // Who waits has read everything up to here.
    const bool waits = read_position().load(std::memory_order_seq_cst) == reservation.position;
    if ((flags & BPF_RB_FORCE_WAKEUP) != 0 || (waits && (flags & BPF_RB_NO_WAKEUP) == 0)) {
        const uint64_t one = 1;
        (void)!write(wake_.get(), &one, sizeof one);  // full: it wakes already
    }
}

uint64_t RingbufMap::query(uint64_t what) {
    const uint64_t read = read_position().load(std::memory_order_acquire);
    const std::lock_guard guard(lock_);
    switch (what) {
        case BPF_RB_AVAIL_DATA:
            return written_ - read;
        case BPF_RB_RING_SIZE:
            return spec().max_entries;
        case BPF_RB_CONS_POS:
            return read;
        case BPF_RB_PROD_POS:
            return written_;
        default:
            return 0;
    }
}

}  // namespace graft
