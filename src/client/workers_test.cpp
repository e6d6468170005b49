#include "client/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace graft::client {
namespace {

using namespace std::chrono_literals;

TEST(Workers, AGroupHasSoManyThreadsAndTheRestWaits) {
    Workers workers(2, 1ms);
    std::latch entered(2), leave(1);
    std::atomic<int> most = 0, inside = 0, done = 0;
    for (int i = 0; i < 10; ++i) {
        workers.run(1, [&, i] {
            if (++inside > most) most = inside.load();
            if (i < 2) {
                entered.count_down();
                leave.wait();
            }
            --inside;
            ++done;
        });
    }
    entered.wait();
    EXPECT_EQ(done, 0);
    std::latch other(1);
    workers.run(2, [&] { other.count_down(); });
    other.wait();
    leave.count_down();
    while (done != 10) std::this_thread::yield();
    EXPECT_EQ(most, 2);
}

TEST(Workers, IdleThreadsEnd) {
    Workers workers(16, 1ms);
    for (int round = 0; round < 3; ++round) {
        std::latch entered(16), leave(1);
        for (int i = 0; i < 16; ++i) {
            workers.run(1, [&] {
                entered.count_down();
                leave.wait();
            });
        }
        entered.wait();
        EXPECT_EQ(workers.threads(), 16U);
        leave.count_down();
        EXPECT_TRUE(workers.wait_idle(10s));  // leaves the latches alone from here on
        while (workers.threads() > 2) std::this_thread::yield();
    }
}

// Tasks that come while threads are about to end are all done.
TEST(Workers, NoTaskIsLostBetweenWaitingAndEnding) {
    Workers workers(4, 0ms);
    std::atomic<int> done = 0;
    for (int i = 0; i < 5000; ++i) workers.run(static_cast<uint64_t>(i % 3), [&] { ++done; });
    while (done != 5000) std::this_thread::yield();
}

}  // namespace
}  // namespace graft::client
