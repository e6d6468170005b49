// Helpers that call a function of the program: how often, with what, and what they answer.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

using Numbers = std::array<uint64_t, 3>;

class Callback : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(0, file.load()); }
    Numbers run_with(const char* program, const std::vector<uint64_t>& input) {
        for (uint32_t i = 0; i < input.size(); ++i) bpf_map_update_elem(file.map_fd("input"), &i, &input[i], BPF_ANY);
        EXPECT_EQ(0, run(file.program_fd(program)).answer);
        Numbers output{};
        for (uint32_t i = 0; i < output.size(); ++i) EXPECT_EQ(0, bpf_map_lookup_elem(file.map_fd("output"), &i, &output[i]));
        return output;
    }
    void fill_hash(uint32_t count) {
        for (uint32_t key = 1; key <= count; ++key) {
            const uint64_t value = key * 10;
            ASSERT_EQ(0, bpf_map_update_elem(file.map_fd("hash"), &key, &value, BPF_ANY));
        }
    }
    static constexpr uint64_t never = UINT32_MAX;
    static uint64_t error(int code) { return static_cast<uint64_t>(int64_t{-code}); }
    ObjectFile file{"callbacks"};
};

TEST_F(Callback, ALoopRunsSoManyRounds) {
    EXPECT_EQ((Numbers{10, 10, 45}), run_with("loop", {10, never, 0}));
    EXPECT_EQ((Numbers{0, 0, 0}), run_with("loop", {0, never, 0}));
    EXPECT_EQ((Numbers{100'000, 100'000, 4'999'950'000}), run_with("loop", {100'000, never, 0}));
}
TEST_F(Callback, AResultOf1EndsTheLoop) { EXPECT_EQ((Numbers{4, 4, 6}), run_with("loop", {10, 3, 0})); }
TEST_F(Callback, EightMillionRoundsAreTheMost) {
    EXPECT_EQ((Numbers{1, 1, 0}), run_with("loop", {8 << 20, 0, 0}));
    EXPECT_EQ((Numbers{error(E2BIG), 0, 0}), run_with("loop", {(8 << 20) + 1, 0, 0}));
}
TEST_F(Callback, FlagsAreEinval) {
    EXPECT_EQ((Numbers{error(EINVAL), 0, 0}), run_with("loop", {10, never, 1}));
    EXPECT_EQ((Numbers{error(EINVAL), 0, 0}), run_with("each_of_hash", {never, 1}));
}
TEST_F(Callback, LoopsInLoops) { EXPECT_EQ((Numbers{5, 10, 10}), run_with("nested", {5, never})); }

TEST_F(Callback, EveryElementOfAHashMap) {
    fill_hash(5);
    EXPECT_EQ((Numbers{5, 5, 150}), run_with("each_of_hash", {never, 0}));
    EXPECT_EQ((Numbers{5, 5, 155}), run_with("each_of_hash", {never, 0}));  // each was increased
}
TEST_F(Callback, OfAnEmptyOneNothing) { EXPECT_EQ((Numbers{0, 0, 0}), run_with("each_of_hash", {never, 0})); }
TEST_F(Callback, EveryElementOfAnArrayInOrder) {
    EXPECT_EQ((Numbers{4, 4, 7}), run_with("each_of_input", {7, 0, 0, 0}));  // stops at 7, which is no index
    EXPECT_EQ((Numbers{3, 3, 5}), run_with("each_of_input", {2, 0, 3, 9}));
}
TEST_F(Callback, EveryElementOfAPerCpuArrayOnThisCpu) {
    EXPECT_EQ((Numbers{3, 3, 0}), run_with("each_of_percpu", {never, 0}));
    EXPECT_EQ((Numbers{2, 2, 2}).at(0), run_with("each_of_percpu", {1, 0}).at(0));
}
TEST_F(Callback, ElementsMayGoWhileTheyAreVisited) {
    fill_hash(5);
    EXPECT_EQ((Numbers{5, 5, 150}), run_with("remove_all", {}));
    EXPECT_EQ((Numbers{0, 0, 0}), run_with("each_of_hash", {never, 0}));
}

TEST_F(Callback, ATracedOneIsSeenInEachRound) {
    ObjectFile traces("callback_traces");
    ASSERT_EQ(0, bpf_program__set_attach_target(traces.program("before_round"), file.program_fd("nested"), "round"));
    ASSERT_EQ(0, traces.load());
    LIBBPF_OPTS(bpf_link_create_opts, options);
    const int link = bpf_link_create(traces.program_fd("before_round"), 0, BPF_TRACE_FENTRY, &options);
    ASSERT_GE(link, 0);
    EXPECT_EQ((Numbers{5, 10, 10}), run_with("nested", {5, never}));
    const uint32_t zero = 0;
    uint64_t count = 0;
    EXPECT_EQ(0, bpf_map_lookup_elem(traces.map_fd("count"), &zero, &count));
    EXPECT_EQ(10U, count);
    close(link);
    EXPECT_EQ((Numbers{5, 10, 10}), run_with("nested", {5, never}));
    EXPECT_EQ(0, bpf_map_lookup_elem(traces.map_fd("count"), &zero, &count));
    EXPECT_EQ(10U, count);
}

}  // namespace
}  // namespace test
