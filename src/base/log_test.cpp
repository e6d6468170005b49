#include "base/log.h"

#include <gtest/gtest.h>

namespace graft {
namespace {

TEST(Log, RotatingKeepsTheEnd) {
    Log log(Log::level1, 6);
    log.print("{}", "abcdefgh");
    EXPECT_EQ(log.text(), "defgh");
    EXPECT_TRUE(log.truncated());
    EXPECT_EQ(log.true_size(), 9U);
}

TEST(Log, FixedKeepsTheBeginning) {
    Log log(Log::level1 | Log::fixed, 6);
    log.print("{}", "abcdefgh");
    EXPECT_EQ(log.text(), "abcde");
    EXPECT_TRUE(log.truncated());
}

TEST(Log, RewindForgets) {
    Log log(Log::level1, 100);
    log.print("keep ");
    const uint64_t mark = log.mark();
    log.print("forget");
    log.rewind(mark);
    EXPECT_EQ(log.text(), "keep ");
    EXPECT_FALSE(log.truncated());
    EXPECT_EQ(log.true_size(), 12U);  // the most that was ever needed
}

TEST(Log, LevelZeroPrintsNothing) {
    Log log;
    log.print("{}", 1);
    EXPECT_TRUE(log.text().empty());
    EXPECT_FALSE(log.truncated());
}

}  // namespace
}  // namespace graft
