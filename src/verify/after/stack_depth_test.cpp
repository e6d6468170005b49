#include "verify/after/stack_depth.h"

#include <gtest/gtest.h>

#include "verify/after/test_env.h"

namespace graft::verify {
namespace {

// main calls f1 calls f2 ... calls fN.
std::string chain(uint32_t length) {
    std::string text;
    for (uint32_t i = 0; i < length; ++i) text += fmt::format("f{}:\ncall f{}\nexit\n", i, i + 1);
    return text + fmt::format("f{}:\nexit\n", length);
}

TEST(StackDepth, EightFramesFit) {
    TestEnv env(chain(7));
    EXPECT_TRUE(check_stack_depth(*env).ok());
}

TEST(StackDepth, NineDoNot) {
    TestEnv env(chain(8));
    EXPECT_EQ(check_stack_depth(*env).code(), E2BIG);
    EXPECT_EQ(env.log(), "the call stack of 8 frames is too deep !\n");
}

TEST(StackDepth, RecursionEndsInTheSameWords) {
    TestEnv env("call f\nexit\nf:\ncall f\nexit");
    EXPECT_EQ(check_stack_depth(*env).code(), E2BIG);
    EXPECT_EQ(env.log(), "the call stack of 8 frames is too deep !\n");
}

TEST(StackDepth, FramesAddUp) {
    TestEnv env("call f\nexit\nf:\nexit");
    env->functions[0].stack_depth = 256;
    env->functions[1].stack_depth = 256;
    EXPECT_TRUE(check_stack_depth(*env).ok());
    env->functions[1].stack_depth = 257;
    EXPECT_EQ(check_stack_depth(*env).code(), EACCES);
    EXPECT_EQ(env.log(), "combined stack size of 2 calls is 528. Too large\n");
}

TEST(StackDepth, AnEmptyFrameTakesNone) {
    TestEnv env("call f\nexit\nf:\nexit");
    env->functions[0].stack_depth = 512;
    EXPECT_TRUE(check_stack_depth(*env).ok());
}

TEST(StackDepth, TailCallsHaveHalfTheRoom) {
    TestEnv env("call f\nexit\nf:\nexit");
    env->functions[0].stack_depth = 256;
    env->functions[1].has_tail_call = true;
    EXPECT_EQ(check_stack_depth(*env).code(), EACCES);
    EXPECT_EQ(env.log(), "tail_calls are not allowed when call stack of previous frames is 256 bytes. Too large\n");
}

TEST(StackDepth, WhatRunsLaterDoesNotSitOnTheCallersStack) {
    TestEnv env("r2 = func[f] ll\nexit\nf:\nexit");
    env->functions[0].stack_depth = 512;
    env->functions[1].is_async_callback = true;
    EXPECT_TRUE(check_stack_depth(*env).ok());
    env->functions[1].stack_depth = 520;
    EXPECT_EQ(check_stack_depth(*env).code(), EACCES);
    EXPECT_EQ(env.log(), "combined stack size of 1 calls is 528. Too large\n");
}

TEST(StackDepth, CallersOfTailCallsAreMarked) {
    TestEnv env("call f\ncall h\nexit\nf:\ncall g\nexit\ng:\nexit\nh:\nexit");
    env->functions[2].has_tail_call = env->functions[2].tail_call_reachable = true;
    ASSERT_TRUE(check_stack_depth(*env).ok());
    EXPECT_TRUE(env->functions[0].tail_call_reachable);
    EXPECT_TRUE(env->functions[1].tail_call_reachable);
    EXPECT_FALSE(env->functions[3].tail_call_reachable);
}

// 200 calls in each of seven functions: 200^7 chains, which nobody may follow one by one.
TEST(StackDepth, ManyChainsTakeNoLonger) {
    std::string text;
    for (uint32_t i = 0; i < 7; ++i) {
        text += fmt::format("f{}:\n", i);
        for (uint32_t n = 0; n < 200; ++n) text += fmt::format("call f{}\n", i + 1);
        text += "exit\n";
    }
    TestEnv env(text + "f7:\nexit\n");
    EXPECT_TRUE(check_stack_depth(*env).ok());
}

}  // namespace
}  // namespace graft::verify
