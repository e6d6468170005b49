// Timers in values of maps: when they fire, what they are given, and what ends them.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <functional>

#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

struct Element {
    uint64_t fired, timer[2], key, answer;
};

constexpr uint64_t millisecond = 1'000'000;
constexpr uint64_t hour = 3600 * 1000 * millisecond;
constexpr uint64_t absolute = 1, pinned = 2;

enum Operation : uint64_t { init = 1, count, start, cancel, repeat, cancel_self, slow, erase_and_start };

class Timer : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, file.load());
        for (const char* map : {"hash", "lru"}) {
            for (uint64_t key = 1; key <= 2; ++key) put(map, key);
        }
    }
    // What the helper answered.
    int64_t ask(const char* map, Operation operation, uint64_t key, uint64_t a = 0, uint64_t b = 0) {
        const uint64_t input[] = {operation, key, a, b};
        for (uint32_t i = 0; i < 4; ++i) bpf_map_update_elem(file.map_fd("input"), &i, &input[i], BPF_ANY);
        const Ran ran = run(file.program_fd((std::string("on_") + map).c_str()));
        EXPECT_EQ(0, ran.answer);
        EXPECT_EQ(1U, ran.verdict) << "there is no such element";
        return output(0);
    }
    int64_t output(uint32_t index) {
        int64_t answer = 0;
        EXPECT_EQ(0, bpf_map_lookup_elem(file.map_fd("output"), &index, &answer));
        return answer;
    }
    int put(const char* map, uint64_t key) {
        const Element zero{};
        return bpf_map_update_elem(file.map_fd(map), &key, &zero, BPF_ANY);
    }
    Element at(const char* map, uint64_t key) {
        Element element{};
        EXPECT_EQ(0, bpf_map_lookup_elem(file.map_fd(map), &key, &element));
        return element;
    }
    void arm(const char* map, uint64_t key, Operation callback, uint64_t delay) {
        ASSERT_EQ(0, ask(map, init, key, CLOCK_MONOTONIC));
        ASSERT_EQ(0, ask(map, callback, key));
        ASSERT_EQ(0, ask(map, start, key, delay));
    }
    static bool soon(const std::function<bool()>& condition) {
        for (int attempt = 0; attempt < 1000; ++attempt) {
            if (condition()) return true;
            usleep(10'000);
        }
        return false;
    }
    static uint64_t now(clockid_t clock) {
        timespec time{};
        clock_gettime(clock, &time);
        return static_cast<uint64_t>(time.tv_sec) * 1000 * millisecond + static_cast<uint64_t>(time.tv_nsec);
    }
    bool fires(const char* map, uint64_t key, uint64_t times = 1) {
        return soon([&] { return at(map, key).fired >= times; });
    }
    ObjectFile file{"timers"};
};

TEST_F(Timer, FiresOnceWithMapKeyAndValue) {
    for (const char* map : {"array", "hash", "lru"}) {
        arm(map, 1, count, millisecond);
        EXPECT_TRUE(fires(map, 1)) << map;
        usleep(20'000);
        EXPECT_EQ(1U, at(map, 1).fired) << map;
        EXPECT_EQ(1U, at(map, 1).key) << map;
    }
}
TEST_F(Timer, ItsCallbackStartsItAgain) {
    arm("array", 0, repeat, millisecond);
    EXPECT_TRUE(fires("array", 0, 5));
    usleep(20'000);
    EXPECT_EQ(5U, at("array", 0).fired);
    EXPECT_EQ(0U, at("array", 0).answer);
}
TEST_F(Timer, OfEachClock) {
    for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
        const auto key = static_cast<uint64_t>(clock);
        ASSERT_EQ(0, put("hash", key));
        ASSERT_EQ(0, ask("hash", init, key, static_cast<uint64_t>(clock)));
        ASSERT_EQ(0, ask("hash", count, key));
        EXPECT_EQ(0, ask("hash", start, key, now(clock) + millisecond, absolute));
        EXPECT_TRUE(fires("hash", key)) << clock;
    }
}
// So do hrtimers of the kernel that are made for relative times.
TEST_F(Timer, OfTheRealTimeClockGoesByTheMonotonicOne) {
    for (uint64_t key = 0; key < 2; ++key) {
        ASSERT_EQ(0, ask("array", init, key, CLOCK_REALTIME));
        ASSERT_EQ(0, ask("array", count, key));
    }
    EXPECT_EQ(0, ask("array", start, 0, now(CLOCK_REALTIME) - hour, absolute));
    EXPECT_EQ(0, ask("array", start, 1, now(CLOCK_MONOTONIC) + millisecond, absolute));
    EXPECT_TRUE(fires("array", 1));
    EXPECT_EQ(0U, at("array", 0).fired);
}
TEST_F(Timer, AnAbsoluteTimeThatIsPastFiresNow) {
    ASSERT_EQ(0, ask("array", init, 0, CLOCK_MONOTONIC));
    ASSERT_EQ(0, ask("array", count, 0));
    EXPECT_EQ(0, ask("array", start, 0, 1, absolute));
    EXPECT_TRUE(fires("array", 0));
}
TEST_F(Timer, ManyFireInTheOrderOfTheirTimes) {
    arm("hash", 1, count, 60 * millisecond);
    arm("hash", 2, count, 30 * millisecond);
    ASSERT_TRUE(fires("hash", 2));
    EXPECT_TRUE(fires("hash", 1));
}
TEST_F(Timer, StartedAgainItFiresAtTheNewTime) {
    arm("array", 0, count, hour);
    EXPECT_EQ(0, ask("array", start, 0, millisecond));
    EXPECT_TRUE(fires("array", 0));
    EXPECT_EQ(0, ask("array", start, 0, millisecond));
    EXPECT_TRUE(fires("array", 0, 2));
}

// --- what is refused ---------------------------------------------------------------------------------------------

TEST_F(Timer, InitTwiceIsEbusy) {
    EXPECT_EQ(0, ask("array", init, 0, CLOCK_MONOTONIC));
    EXPECT_EQ(-EBUSY, ask("array", init, 0, CLOCK_MONOTONIC));
    EXPECT_EQ(-EBUSY, ask("array", init, 0, CLOCK_BOOTTIME));
}
TEST_F(Timer, OtherClocksAreEinval) {
    for (uint64_t clock : {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_TAI, 12, 15, 16, 17, 1 << 20})
        EXPECT_EQ(-EINVAL, ask("array", init, 0, clock)) << clock;
    EXPECT_EQ(-EINVAL, ask("array", init, 0, CLOCK_MONOTONIC | uint64_t{1} << 32));
}
TEST_F(Timer, BeforeInitIsEinval) {
    EXPECT_EQ(-EINVAL, ask("array", count, 0));
    EXPECT_EQ(-EINVAL, ask("array", start, 0, millisecond));
    EXPECT_EQ(-EINVAL, ask("array", cancel, 0));
}
TEST_F(Timer, StartWithoutACallbackIsEinval) {
    EXPECT_EQ(0, ask("array", init, 0, CLOCK_MONOTONIC));
    EXPECT_EQ(-EINVAL, ask("array", start, 0, millisecond));
}
TEST_F(Timer, FlagsOfStart) {
    EXPECT_EQ(0, ask("array", init, 0, CLOCK_MONOTONIC));
    EXPECT_EQ(0, ask("array", count, 0));
    EXPECT_EQ(0, ask("array", start, 0, hour, pinned));
    EXPECT_EQ(0, ask("array", start, 0, hour, absolute | pinned));
    EXPECT_EQ(-EINVAL, ask("array", start, 0, hour, 4));
    EXPECT_EQ(-EINVAL, ask("array", start, 0, hour, uint64_t{1} << 32));
    EXPECT_EQ(0, ask("array", start, 0, UINT64_MAX));
}

// --- cancel ------------------------------------------------------------------------------------------------------

TEST_F(Timer, CancelTellsWhetherItWasArmedAndForgetsTheCallback) {
    ASSERT_EQ(0, ask("array", init, 0, CLOCK_MONOTONIC));
    EXPECT_EQ(0, ask("array", cancel, 0));
    ASSERT_EQ(0, ask("array", count, 0));
    ASSERT_EQ(0, ask("array", start, 0, hour));
    EXPECT_EQ(1, ask("array", cancel, 0));
    EXPECT_EQ(0, ask("array", cancel, 0));
    EXPECT_EQ(-EINVAL, ask("array", start, 0, millisecond));
    EXPECT_EQ(0, ask("array", count, 0));
    EXPECT_EQ(0, ask("array", start, 0, millisecond));
    EXPECT_TRUE(fires("array", 0));
}
TEST_F(Timer, CancelOfWhatHasFiredIsNoneArmed) {
    arm("array", 0, count, millisecond);
    ASSERT_TRUE(fires("array", 0));
    usleep(20'000);
    EXPECT_EQ(0, ask("array", cancel, 0));
}
TEST_F(Timer, FromItsOwnCallbackIsEdeadlk) {
    arm("array", 0, cancel_self, millisecond);
    ASSERT_TRUE(fires("array", 0));
    EXPECT_EQ(-EDEADLK, static_cast<int64_t>(at("array", 0).answer));
    EXPECT_EQ(0, ask("array", start, 0, millisecond)) << "the callback is still there";
    EXPECT_TRUE(fires("array", 0, 2));
}
TEST_F(Timer, CancelWaitsForACallbackThatRuns) {
    arm("array", 0, slow, millisecond);
    ASSERT_TRUE(soon([&] { return at("array", 0).answer == 1; }));
    EXPECT_EQ(0, ask("array", cancel, 0));
    EXPECT_EQ(1U, at("array", 0).fired);
}

// --- when it goes ------------------------------------------------------------------------------------------------

TEST_F(Timer, WithItsElement) {
    for (const char* map : {"hash", "lru"}) {
        arm(map, 1, count, 50 * millisecond);
        const uint64_t key = 1;
        EXPECT_EQ(0, bpf_map_delete_elem(file.map_fd(map), &key));
        ASSERT_EQ(0, put(map, 1));
        usleep(100'000);
        EXPECT_EQ(0U, at(map, 1).fired) << map;
        EXPECT_EQ(-EINVAL, ask(map, cancel, 1)) << map;
        arm(map, 1, count, millisecond);
        EXPECT_TRUE(fires(map, 1)) << map;
    }
}
TEST_F(Timer, WithAnUpdateOfItsElement) {
    for (const char* map : {"array", "hash", "lru"}) {
        arm(map, 1, count, hour);
        ASSERT_EQ(0, put(map, 1));
        EXPECT_EQ(-EINVAL, ask(map, cancel, 1)) << map;
    }
}
TEST_F(Timer, AProgramThatStillHoldsTheElementCannotStartIt) {
    for (const char* map : {"hash", "lru"}) {
        arm(map, 1, count, hour);
        EXPECT_EQ(0, ask(map, erase_and_start, 1, millisecond));
        EXPECT_EQ(-EINVAL, output(1)) << map;
    }
}
TEST_F(Timer, ClientsReadZerosInItsPlace) {
    arm("array", 0, count, hour);
    const Element element = at("array", 0);
    EXPECT_EQ(0U, element.timer[0]);
    EXPECT_EQ(0U, element.timer[1]);
}

// A timer outlives the program's descriptors, but not the map's.
TEST_F(Timer, KeepsItsProgramUntilTheMapHasNoUsers) {
    arm("array", 0, count, 100 * millisecond);
    const uint32_t program = prog_info(file.program_fd("on_array")).id;
    const int map = dup(file.map_fd("array"));
    ASSERT_GE(map, 0);
    file.close();
    Fd found(bpf_prog_get_fd_by_id(program));
    EXPECT_GE(found.get(), 0);
    found.reset();
    uint32_t key = 0;
    Element element{};
    EXPECT_TRUE(soon([&] { return bpf_map_lookup_elem(map, &key, &element) == 0 && element.fired == 1; }));
    ::close(map);
    EXPECT_TRUE(soon([&] {
        const int fd = bpf_prog_get_fd_by_id(program);
        if (fd >= 0) ::close(fd);
        return fd == -ENOENT;
    }));
}

}  // namespace
}  // namespace test
