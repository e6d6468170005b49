#include "map/perf_ring.h"

#include <linux/perf_event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace graft {
namespace {

perf_event_mmap_page& header_of(const Memory& memory) { return *reinterpret_cast<perf_event_mmap_page*>(memory.get()); }

uint64_t clock_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct LostRecord {
    perf_event_header header{PERF_RECORD_LOST, 0, sizeof(LostRecord)};
    uint64_t id = 0;
    uint64_t lost = 0;
};

}  // namespace

Result<Ref<PerfRing>> PerfRing::create(const Options& options) {
    Memory memory = TRY(Memory::shared(page + largest, "perf-event"));
    Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail(errno, "no eventfd for the ring");
    return Ref<PerfRing>::adopt(new PerfRing(options, std::move(memory), std::move(wake)));
}

Result<void> PerfRing::enable(size_t size) {
    if (size < page || size > largest || !std::has_single_bit(size)) return fail(EINVAL, "a perf ring is 2^n pages behind the first");
    perf_event_mmap_page& header = header_of(memory_);
    header.data_offset = page;
    header.data_size = size;
    size_.store(size, std::memory_order_release);
    return {};
}

bool PerfRing::has_room(size_t size, size_t ring) const {
    const uint64_t tail = std::atomic_ref(header_of(memory_).data_tail).load(std::memory_order_acquire);
    const uint64_t used = head_ - tail;  // more than the ring when the client wrote nonsense
    return used <= ring && size <= ring - used;
}

void PerfRing::append(Bytes bytes, size_t ring) {
    std::byte* const data = memory_.get() + page;
    const size_t at = head_ & (ring - 1);
    const size_t first = std::min(bytes.size(), ring - at);
    if (first != 0) std::memcpy(data + at, bytes.data(), first);
    if (first != bytes.size()) std::memcpy(data, bytes.data() + first, bytes.size() - first);
    head_ += bytes.size();
}

// What did not fit is counted, and said in front of the first record that fits again.
void PerfRing::report_lost(size_t ring) {
    LostRecord record;
    record.lost = lost_;
    append(bytes_of(record), ring);
    lost_ = 0;
}

void PerfRing::publish(size_t written) {
    std::atomic_ref(header_of(memory_).data_head).store(head_, std::memory_order_release);
    unseen_ += options_.by_bytes ? written : 1;
    if (unseen_ < std::max(options_.wake_after, 1U)) return;
    unseen_ = 0;
    const uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof one);  // full: the client has been woken often enough
}

long PerfRing::output(std::span<const Bytes> parts) {
    const size_t ring = size_.load(std::memory_order_acquire);
    if (ring == 0) return -ENOSPC;
    size_t raw = 0;
    for (const Bytes part : parts) raw += part.size();
    const size_t front = sizeof(perf_event_header) + (options_.with_time ? sizeof(uint64_t) : 0) + sizeof(uint32_t);
    const size_t whole = (front + raw + 7) & ~size_t{7};
    if (whole > UINT16_MAX) return -E2BIG;
    const size_t needed = whole + (lost_ != 0 ? sizeof(LostRecord) : 0);
    if (!has_room(needed, ring)) {
        ++lost_;
        return -ENOSPC;
    }
    if (lost_ != 0) report_lost(ring);
    const perf_event_header header{PERF_RECORD_SAMPLE, 0, static_cast<uint16_t>(whole)};
    append(bytes_of(header), ring);
    if (options_.with_time) append(bytes_of(clock_now()), ring);
    append(bytes_of(static_cast<uint32_t>(whole - front)), ring);
    for (const Bytes part : parts) append(part, ring);
    constexpr std::array<std::byte, 8> zeros{};
    append(Bytes(zeros).first(whole - front - raw), ring);
    publish(needed);
    return 0;
}

}  // namespace graft
