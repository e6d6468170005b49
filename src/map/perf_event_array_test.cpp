#include "map/perf_event_array.h"

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <poll.h>

#include <string>

#include "map/map_test_support.h"

namespace graft {
namespace {

class PerfRingTest : public testing::Test {
protected:
    static Ref<PerfRing> ring(PerfRing::Options options = {}) {
        auto made = PerfRing::create(options);
        EXPECT_TRUE(made.ok());
        return made.ok() ? *made : nullptr;
    }
    static perf_event_mmap_page& page_of(const Ref<PerfRing>& ring) {
        return *reinterpret_cast<perf_event_mmap_page*>(const_cast<std::byte*>(ring->memory()));
    }
    static long put(const Ref<PerfRing>& ring, const std::string& text) {
        const Bytes part = std::as_bytes(std::span(text));
        return ring->output(std::span(&part, 1));
    }
    // The records that the client has not read, each as its type and what it carries; and reads them.
    static std::string take(const Ref<PerfRing>& ring) {
        perf_event_mmap_page& page = page_of(ring);
        std::string all;
        while (page.data_tail != page.data_head) {
            std::string record;
            const auto byte = [&](uint64_t i) {
                return static_cast<char>(ring->memory()[PerfRing::page + (page.data_tail + i) % page.data_size]);
            };
            for (uint64_t i = 0; i < sizeof(perf_event_header); ++i) record += byte(i);
            perf_event_header header;
            std::memcpy(&header, record.data(), sizeof header);
            for (uint64_t i = sizeof header; i < header.size; ++i) record += byte(i);
            page.data_tail += header.size;
            uint32_t size = 0;
            std::memcpy(&size, record.data() + sizeof header, sizeof size);
            if (header.type == PERF_RECORD_LOST) {
                uint64_t lost = 0;
                std::memcpy(&lost, record.data() + 16, sizeof lost);
                all += " lost " + std::to_string(lost);
            } else {
                EXPECT_EQ(header.size % 8, 0);
                all += " " + std::string(record.substr(12, size).c_str());
            }
        }
        return all;
    }
    static bool woken(const Ref<PerfRing>& ring) {
        pollfd wake{ring->wake_fd(), POLLIN, 0};
        uint64_t count = 0;
        return poll(&wake, 1, 0) == 1 && read(ring->wake_fd(), &count, sizeof count) == sizeof count;
    }
};

TEST_F(PerfRingTest, TakesNothingBeforeTheClientHasMappedIt) {
    const auto r = ring();
    EXPECT_EQ(put(r, "a"), -ENOSPC);
    EXPECT_EQ(r->enable(100).code(), EINVAL);
    EXPECT_EQ(r->enable(3 * PerfRing::page).code(), EINVAL);
    ASSERT_TRUE(r->enable(PerfRing::page).ok());
    EXPECT_EQ(put(r, "a"), 0);
    EXPECT_EQ(take(r), " a");
    r->disable();
    EXPECT_EQ(put(r, "b"), -ENOSPC);
}

TEST_F(PerfRingTest, GoesRound) {
    const auto r = ring();
    ASSERT_TRUE(r->enable(PerfRing::page).ok());
    for (int i = 0; i < 1000; ++i) {
        const std::string text = std::to_string(i) + std::string(static_cast<size_t>(i % 50), 'x');
        ASSERT_EQ(put(r, text), 0);
        ASSERT_EQ(take(r), " " + text);
    }
}

TEST_F(PerfRingTest, SaysHowManyItLost) {
    const auto r = ring();
    ASSERT_TRUE(r->enable(PerfRing::page).ok());
    const std::string text(1000, 'y');
    for (int i = 0; i < 4; ++i) ASSERT_EQ(put(r, text), 0);
    EXPECT_EQ(put(r, text), -ENOSPC);
    EXPECT_EQ(put(r, text), -ENOSPC);
    (void)take(r);
    EXPECT_EQ(put(r, "z"), 0);
    EXPECT_EQ(take(r), " lost 2 z");
    EXPECT_EQ(put(r, std::string(70000, 'w')), -E2BIG);
}

TEST_F(PerfRingTest, ATailOfNonsenseLosesRecordsOnly) {
    const auto r = ring();
    ASSERT_TRUE(r->enable(PerfRing::page).ok());
    for (const uint64_t nonsense : {uint64_t{1} << 40, uint64_t{1} << 63, uint64_t{8}}) {
        page_of(r).data_tail = nonsense;
        EXPECT_EQ(put(r, "a"), -ENOSPC);
    }
}

TEST_F(PerfRingTest, WakesAfterRecordsOrBytes) {
    const auto each = ring(), third = ring({.wake_after = 3}), bytes = ring({.wake_after = 64, .by_bytes = true});
    for (const auto& r : {each, third, bytes}) ASSERT_TRUE(r->enable(PerfRing::page).ok());
    EXPECT_EQ(put(each, "a"), 0);
    EXPECT_TRUE(woken(each));
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(put(third, "a"), 0);
        EXPECT_EQ(put(bytes, std::string(16, 'b')), 0);
        EXPECT_FALSE(woken(third));
        EXPECT_EQ(woken(bytes), i == 1);  // 32 bytes a record
    }
    EXPECT_EQ(put(third, "a"), 0);
    EXPECT_TRUE(woken(third));
}

class PerfEventArrayTest : public MapTest {
protected:
    Ref<Map> array(uint32_t flags = 0) { return map(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2, flags)); }
    int event(uint32_t cpu = 0) {
        auto ring = *PerfRing::create({.cpu = cpu});
        EXPECT_TRUE(ring->enable(PerfRing::page).ok());
        return caller_.add(Ref<Object>(ring));
    }
    static long output(const Ref<Map>& map, uint32_t index, uint32_t cpu) {
        const rcu::ReadGuard reading;
        return static_cast<PerfEventArrayMap&>(*map).output(index, cpu, {});
    }
};

TEST_F(PerfEventArrayTest, WhatMayBeCreated) {
    EXPECT_EQ(make(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 8, 2)).code(), EINVAL);
    EXPECT_EQ(make(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 8, 4, 2)).code(), EINVAL);
    EXPECT_EQ(make(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0)).code(), EINVAL);
    EXPECT_EQ(make(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2, BPF_F_RDONLY_PROG)).code(), EINVAL);
    EXPECT_EQ(make(spec(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2, BPF_F_PRESERVE_ELEMS)).code(), 0);
}

TEST_F(PerfEventArrayTest, OutputGoesToTheRingOfTheCpu) {
    const auto m = array();
    EXPECT_EQ(output(m, 0, 0), -ENOENT);
    EXPECT_EQ(update(*m, 0U, event()), 0);
    EXPECT_EQ(output(m, 0, 0), 0);
    EXPECT_EQ(output(m, 0, 1), -EOPNOTSUPP);
    EXPECT_EQ(output(m, 2, 0), -E2BIG);
}

TEST_F(PerfEventArrayTest, ClientsPutInAndTakeOut) {
    const auto m = array();
    EXPECT_EQ(update(*m, 2U, event()), E2BIG);
    EXPECT_EQ(update(*m, 0U, 4095), EBADF);
    EXPECT_EQ(update(*m, 0U, event(), BPF_NOEXIST), EINVAL);
    EXPECT_EQ(update(*m, 0U, event()), 0);
    uint32_t key = 0, value = 0;
    EXPECT_EQ(m->lookup(bytes_of(key), writable_bytes_of(value), 0).code(), abi::enotsupp);
    EXPECT_EQ(m->erase(bytes_of(key)).code(), 0);
    EXPECT_EQ(m->erase(bytes_of(key)).code(), ENOENT);
}

TEST_F(PerfEventArrayTest, WithItsUsersTheRingsGo) {
    const auto m = array(), kept = array(BPF_F_PRESERVE_ELEMS);
    for (const auto& each : {m, kept}) {
        EXPECT_EQ(update(*each, 0U, event()), 0);
        each->add_user();
        each->drop_user();
    }
    EXPECT_EQ(output(m, 0, 0), -ENOENT);
    EXPECT_EQ(output(kept, 0, 0), 0);
}

}  // namespace
}  // namespace graft
