#include "verify/after/rewrite.h"

#include <gtest/gtest.h>

#include "abi/kernel_types.h"
#include "verify/after/editor.h"
#include "verify/after/test_env.h"

namespace graft::verify {
namespace {

void unsee(TestEnv& env, std::initializer_list<uint32_t> insns) {
    for (const uint32_t insn : insns) env->facts[insn].seen = false;
}

TEST(DeadCode, AProgramThatIsAllAliveStays) {
    constexpr auto text = "r0 = 0\nif r1 == 0 goto out\nr0 = 1\nout:\nexit";
    TestEnv env(text);
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words(text));
}

TEST(DeadCode, ABranchNeverTakenGoes) {
    TestEnv env("r0 = 0\nif r0 == 1 goto other\nexit\nother:\nr0 = 1\nexit");
    unsee(env, {3, 4});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r0 = 0\nexit"));
}

TEST(DeadCode, ABranchAlwaysTakenBecomesAJumpAndThenNothing) {
    TestEnv env("r0 = 0\nif r0 == 0 goto out\nr0 = 1\nout:\nexit");
    unsee(env, {2});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r0 = 0\nexit"));
}

TEST(DeadCode, ABranchAlwaysTakenBackwardsStaysAJump) {
    TestEnv env("goto start\nout:\nr0 = 0\nexit\nstart:\nif r1 == r1 goto out\nr0 = 1\nexit");
    unsee(env, {4, 5});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("goto start\nout:\nr0 = 0\nexit\nstart:\ngoto out"));
}

TEST(DeadCode, AJumpThatHadNothingToSkipGoes) {
    TestEnv env("r0 = 0\ngoto +0\nexit");
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r0 = 0\nexit"));
}

TEST(DeadCode, AFunctionNobodyReachesGoesWithItsInfo) {
    TestEnv env("r0 = 0\nif r0 == 0 goto out\ncall f\nout:\ncall g\nexit\nf:\nr0 = 1\nexit\ng:\nr0 = 2\nexit");
    ASSERT_EQ(env->function_count(), 3U);
    env->functions[2].name = "g";
    env->func_info = {{0, 10}, {5, 11}, {7, 12}};
    unsee(env, {2, 5, 6});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r0 = 0\ncall g\nexit\ng:\nr0 = 2\nexit"));
    ASSERT_EQ(env->function_count(), 2U);
    EXPECT_EQ(env->functions[1].start, 3U);
    EXPECT_EQ(env->functions[1].name, "g");
    ASSERT_EQ(env->func_info.size(), 2U);
    EXPECT_EQ(env->func_info[1].insn_off, 3U);
    EXPECT_EQ(env->func_info[1].type_id, 12U);
}

TEST(DeadCode, FactsGoWithTheirInstructions) {
    TestEnv env("r0 = 0\nr1 = 1\nr2 = 5 ll\nexit");
    env->facts[2].map_value_offset = 77;
    unsee(env, {1});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    ASSERT_EQ(env->facts.size(), 4U);
    EXPECT_EQ(env->facts[1].map_value_offset, 77U);
}

bpf_line_info line_at(uint32_t insn, uint32_t number) { return {insn, 1, 1, number << 10}; }

std::string lines_of(const Env& env) {
    std::string all;
    for (const bpf_line_info& line : env.line_info) all += fmt::format("{}:{} ", line.insn_off, line.line_col >> 10);
    return all;
}

TEST(DeadCode, ALineOfDeletedCodeIsInheritedByWhatFollows) {
    TestEnv env("r0 = 0\nr1 = 1\nr2 = 2\nexit");
    env->line_info = {line_at(0, 10), line_at(1, 11), line_at(2, 12)};
    unsee(env, {1, 2});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(lines_of(*env), "0:10 1:12 ");
}

TEST(DeadCode, UnlessItHasALineOfItsOwn) {
    TestEnv env("r0 = 0\nr1 = 1\nr2 = 2\nexit");
    env->line_info = {line_at(0, 10), line_at(1, 11), line_at(2, 12), line_at(3, 13)};
    unsee(env, {1, 2});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(lines_of(*env), "0:10 1:13 ");
}

TEST(DeadCode, LinesOfADeletedTailGo) {
    TestEnv env("call f\nexit\nf:\nr0 = 1\nexit");
    env->line_info = {line_at(0, 10), line_at(2, 11), line_at(3, 12)};
    unsee(env, {2, 3});
    env->insns[0] = {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0};
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(lines_of(*env), "0:10 ");
}

TEST(DeadCode, EachFunctionKnowsItsFirstLine) {
    TestEnv env("r0 = 0\nr0 = 1\ncall f\nexit\nf:\nr0 = 1\nexit");
    env->line_info = {line_at(0, 10), line_at(1, 11), line_at(4, 20), line_at(5, 21)};
    env->functions[1].line_info = 2;
    unsee(env, {1});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(lines_of(*env), "0:10 1:11 3:20 4:21 ");
    EXPECT_EQ(env->functions[1].line_info, 2U);
    unsee(env, {0});
    ASSERT_TRUE(remove_dead_code(*env).ok());
    EXPECT_EQ(lines_of(*env), "0:11 2:20 3:21 ");
    EXPECT_EQ(env->functions[1].line_info, 1U);
}

// --- context ---------------------------------------------------------------------------------------------------------------------------

std::string rewritten(std::string_view text, uint32_t type) {
    TestEnv env(text, type);
    for (InsnFacts& facts : env->facts) facts.pointer = PointerUse::ctx;
    EXPECT_TRUE(rewrite_context_accesses(*env).ok());
    return env.words();
}

TEST(ContextAccess, AFieldIsReadWhereGraftHasIt) {
    const auto data = offsetof(abi::xdp_buff, data);
    EXPECT_EQ(rewritten("r2 = *(u32 *)(r1 + 0)\nr0 = 0\nexit", BPF_PROG_TYPE_XDP),
              TestEnv::words(fmt::format("r2 = *(u64 *)(r1 + {})\nr0 = 0\nexit", data)));
}

TEST(ContextAccess, JumpsStretch) {
    EXPECT_EQ(rewritten("if r2 == 0 goto out\nr2 = *(u32 *)(r1 + 12)\nout:\nexit", BPF_PROG_TYPE_XDP),
              TestEnv::words(
                  fmt::format("if r2 == 0 goto out\nr2 = *(u64 *)(r1 + {})\nr2 = *(u64 *)(r2 + {})\nr2 = *(u32 *)(r2 + {})\nout:\nexit",
                              offsetof(abi::xdp_buff, rxq), offsetof(abi::xdp_rxq_info, dev), offsetof(abi::net_device, ifindex))));
}

TEST(ContextAccess, APartOfAFieldIsCutOut) {
    const auto mark = offsetof(abi::sk_buff, mark);
    EXPECT_EQ(rewritten(fmt::format("r2 = *(u8 *)(r1 + {})\nexit", offsetof(__sk_buff, mark) + 2), BPF_PROG_TYPE_SCHED_CLS),
              TestEnv::words(fmt::format("r2 = *(u32 *)(r1 + {})\nw2 >>= 16\nw2 &= 255\nexit", mark)));
    EXPECT_EQ(rewritten(fmt::format("r2 = *(u16 *)(r1 + {})\nexit", offsetof(__sk_buff, mark)), BPF_PROG_TYPE_SCHED_CLS),
              TestEnv::words(fmt::format("r2 = *(u32 *)(r1 + {})\nw2 &= 65535\nexit", mark)));
}

TEST(ContextAccess, ASignIsKept) {
    EXPECT_EQ(rewritten(fmt::format("r2 = *(s16 *)(r1 + {})\nexit", offsetof(__sk_buff, mark)), BPF_PROG_TYPE_SCHED_CLS),
              TestEnv::words(fmt::format("r2 = *(u32 *)(r1 + {})\nw2 &= 65535\nr2 = (s16)r2\nexit", offsetof(abi::sk_buff, mark))));
}

TEST(ContextAccess, StoresOfBothKinds) {
    EXPECT_EQ(rewritten(fmt::format("*(u32 *)(r1 + {0}) = r3\n*(u32 *)(r1 + {0}) = 7\nexit", offsetof(__sk_buff, tc_index)),
                        BPF_PROG_TYPE_SCHED_CLS),
              TestEnv::words(fmt::format("*(u16 *)(r1 + {0}) = r3\n*(u16 *)(r1 + {0}) = 7\nexit", offsetof(abi::sk_buff, tc_index))));
}

TEST(ContextAccess, OtherMemoryIsLeftAlone) {
    TestEnv env("r2 = *(u32 *)(r1 + 0)\nexit");
    env->facts[0].pointer = PointerUse::plain;
    ASSERT_TRUE(rewrite_context_accesses(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r2 = *(u32 *)(r1 + 0)\nexit"));
}

// --- kernel objects --------------------------------------------------------------------------------------------------------------------

TEST(ObjectLoads, KnowThatThePointerMayBeNull) {
    TestEnv env("r2 = *(u64 *)(r1 + 0)\nr0 = *(u16 *)(r2 + 4)\nr0 = *(s8 *)(r2 + 4)\nexit");
    env->facts[1].pointer = env->facts[2].pointer = PointerUse::btf_object;
    rewrite_object_loads(*env);
    EXPECT_EQ(env.words(), TestEnv::words("r2 = *(u64 *)(r1 + 0)\n.insn 0x29, 0, 2, 4, 0\n.insn 0x51, 0, 2, 4, 0\nexit"));
}

// --- LD_ABS, LD_IND --------------------------------------------------------------------------------------------------------------------

TEST(FrameLoad, AnAbsoluteOneIsACallThatMayEndTheFunction) {
    TestEnv env("r6 = r1\nr0 = *(u16 *)skb[12]\nexit", BPF_PROG_TYPE_SOCKET_FILTER);
    ASSERT_TRUE(rewrite_frame_loads(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r6 = r1\nr2 = 12\nr1 = r6\ncall 65537\nif r0 s>= 0 goto +2\nr0 = 0\nexit\nexit"));
}

TEST(FrameLoad, AnIndirectOneAddsItsRegister) {
    TestEnv env("r6 = r1\nr0 = *(u8 *)skb[r1 + 3]\nexit", BPF_PROG_TYPE_SOCKET_FILTER);
    ASSERT_TRUE(rewrite_frame_loads(*env).ok());
    EXPECT_EQ(env.words(), TestEnv::words("r6 = r1\nr2 = r1\nw2 += 3\nr1 = r6\ncall 65536\nif r0 s>= 0 goto +2\nr0 = 0\nexit\nexit"));
}

// --- the whole -------------------------------------------------------------------------------------------------------------------------

TEST(Rewrite, CallsAndCallbacksKnowTheirFunction) {
    TestEnv env("r2 = func[g] ll\ncall f\nexit\nf:\nexit\ng:\nexit");
    const auto program = rewrite(*env);
    ASSERT_TRUE(program.ok());
    EXPECT_EQ(program->insns[0].imm, 2);
    EXPECT_EQ(program->insns[2].off, 1);
    EXPECT_EQ(program->insns[2].imm, 1);
    ASSERT_EQ(program->subprograms.size(), 3U);
    EXPECT_EQ(program->subprograms[1].start, 4U);
    EXPECT_EQ(program->subprograms[2].length, 1U);
    EXPECT_TRUE(program->subprograms[0].is_global);
    EXPECT_FALSE(program->subprograms[1].is_global);
}

}  // namespace
}  // namespace graft::verify
