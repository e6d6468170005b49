#include "map/ringbuf.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t ringbuf = BPF_MAP_TYPE_RINGBUF, page = 4096;

class Ringbuf : public MapTest {
protected:
    static RingbufMap& ring(const Ref<Map>& m) { return static_cast<RingbufMap&>(*m); }
    static bool submit(RingbufMap& to, uint32_t value, size_t size, uint64_t flags = 0) {
        const auto reserved = to.reserve(size);
        if (reserved.record == nullptr) return false;
        std::memcpy(reserved.record, &value, sizeof value);
        to.finish(reserved, RingbufMap::End::submit, flags);
        return true;
    }
    static bool is_awake(RingbufMap& of) {
        pollfd ready{of.wake_fd(), POLLIN, 0};
        if (poll(&ready, 1, 0) != 1) return false;
        uint64_t count = 0;
        return read(of.wake_fd(), &count, sizeof count) == sizeof count;
    }
};

// What a client does with the memory it maps.
class Reader {
public:
    explicit Reader(RingbufMap& ring) : size_(ring.spec().max_entries), length_(2 * page + 2 * size_t{size_}) {
        memory_ = static_cast<std::byte*>(mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_SHARED, ring.backing_fd(), 0));
    }
    ~Reader() { munmap(memory_, length_); }
    // The first number of the next record that counts.
    std::optional<uint32_t> next() {
        auto& read = *reinterpret_cast<std::atomic<uint64_t>*>(memory_);
        const auto& written = *reinterpret_cast<std::atomic<uint64_t>*>(memory_ + page);
        for (uint64_t at = read.load(); at < written.load(std::memory_order_acquire); at = read.load()) {
            const std::byte* const header = memory_ + 2 * page + (at & (size_ - 1));
            const uint32_t length = reinterpret_cast<const std::atomic<uint32_t>*>(header)->load(std::memory_order_acquire);
            if ((length & BPF_RINGBUF_BUSY_BIT) != 0) return std::nullopt;
            uint32_t value = 0;
            std::memcpy(&value, header + BPF_RINGBUF_HDR_SZ, sizeof value);
            const uint32_t bytes = length & ~uint32_t{BPF_RINGBUF_DISCARD_BIT};
            read.store(at + ((bytes + BPF_RINGBUF_HDR_SZ + 7) & ~7U));
            if ((length & BPF_RINGBUF_DISCARD_BIT) == 0) return value;
        }
        return std::nullopt;
    }

private:
    uint32_t size_;
    size_t length_;
    std::byte* memory_;
};

TEST_F(Ringbuf, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code(ringbuf, 0, 0, page), 0);
    EXPECT_EQ(code(ringbuf, 4, 0, page), EINVAL);
    EXPECT_EQ(code(ringbuf, 0, 4, page), EINVAL);
    EXPECT_EQ(code(ringbuf, 0, 0, 0), EINVAL);
    EXPECT_EQ(code(ringbuf, 0, 0, 3 * page), EINVAL);
    EXPECT_EQ(code(ringbuf, 0, 0, 2048), EINVAL);
    EXPECT_EQ(code(ringbuf, 0, 0, page, BPF_F_RDONLY_PROG), EINVAL);
}

TEST_F(Ringbuf, RecordsComeInOrderAndRunOverTheEnd) {
    const Ref<Map> m = map(spec(ringbuf, 0, 0, page));
    Reader reader(ring(m));
    uint32_t sent = 0, got = 0;
    for (int round = 0; round < 50; ++round) {
        while (submit(ring(m), sent, 500 + sent % 37)) ++sent;
        EXPECT_EQ(ring(m).query(BPF_RB_PROD_POS) - ring(m).query(BPF_RB_CONS_POS), ring(m).query(BPF_RB_AVAIL_DATA));
        while (const auto value = reader.next()) EXPECT_EQ(*value, got++);
    }
    EXPECT_EQ(sent, got);
    EXPECT_GT(sent, 300U);
}

TEST_F(Ringbuf, WhatIsReservedHoldsUpWhatComesAfter) {
    const Ref<Map> m = map(spec(ringbuf, 0, 0, page));
    Reader reader(ring(m));
    const auto first = ring(m).reserve(8), second = ring(m).reserve(8);
    ASSERT_TRUE(first.record != nullptr && second.record != nullptr);
    EXPECT_TRUE(submit(ring(m), 3, 8));
    ring(m).finish(second, RingbufMap::End::discard, 0);
    EXPECT_EQ(reader.next(), std::nullopt);
    const uint32_t one = 1;
    std::memcpy(first.record, &one, sizeof one);
    ring(m).finish(first, RingbufMap::End::submit, 0);
    EXPECT_EQ(reader.next(), 1U);
    EXPECT_EQ(reader.next(), 3U);
    EXPECT_EQ(ring(m).reserve(page).record, nullptr);
    EXPECT_EQ(ring(m).reserve(uint64_t{1} << 40).record, nullptr);
    EXPECT_EQ(ring(m).query(BPF_RB_RING_SIZE), page);
    EXPECT_EQ(ring(m).query(99), 0U);
}

TEST_F(Ringbuf, WakesWhoHasReadEverything) {
    const Ref<Map> m = map(spec(ringbuf, 0, 0, page));
    EXPECT_FALSE(is_awake(ring(m)));
    EXPECT_TRUE(submit(ring(m), 1, 8));
    EXPECT_TRUE(is_awake(ring(m)));
    EXPECT_TRUE(submit(ring(m), 2, 8));  // the first is not read yet
    EXPECT_FALSE(is_awake(ring(m)));
    EXPECT_TRUE(submit(ring(m), 2, 8, BPF_RB_FORCE_WAKEUP));
    EXPECT_TRUE(is_awake(ring(m)));
    Reader reader(ring(m));
    while (reader.next()) {
    }
    EXPECT_TRUE(submit(ring(m), 3, 8, BPF_RB_NO_WAKEUP));
    EXPECT_FALSE(is_awake(ring(m)));
}

// A client that writes everywhere loses its records; programs stay inside of the memory.
TEST_F(Ringbuf, AHostileClientHarmsItself) {
    const Ref<Map> m = map(spec(ringbuf, 0, 0, page));
    const size_t length = 2 * page + 2 * page;
    auto* const memory = static_cast<std::byte*>(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, ring(m).backing_fd(), 0));
    for (uint32_t i = 0; i < 1000; ++i) {
        std::memset(memory, static_cast<int>(i), length);
        const auto reserved = ring(m).reserve(100);
        if (reserved.record == nullptr) continue;
        std::memset(memory, 0xff, length);
        std::memset(reserved.record, 1, 100);
        ring(m).finish(reserved, RingbufMap::End::submit, 0);
    }
    munmap(memory, length);
}

}  // namespace
}  // namespace graft
