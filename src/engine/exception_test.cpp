// An exception that leaves traced functions: their fexit programs are passed over, and they can be entered again.  (Linux 6.12 crashes.)
#include <gtest/gtest.h>

#include <vector>

#include "engine/each_engine_test_support.h"
#include "helper/kfuncs.h"
#include "image/target_registry.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

struct Exception : EachEngine {
    TargetRegistry targets{engine(), test::run_state()};

    Ref<Program> add(VerifiedProgram code, uint32_t type, uint32_t attach_type) {
        ProgramFacts facts;
        facts.type = type;
        facts.expected_attach_type = attach_type;
        Ref<Program> program = make_program(std::move(code), facts, {}, engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
    // Counts its runs in `runs`.
    Ref<Program> trace(uint64_t& runs, uint32_t attach_type) {
        const Insns count =
            ld_imm64(1, reinterpret_cast<uint64_t>(&runs)) + Insns{insn(BPF_LDX | BPF_MEM | BPF_DW, 0, 1, 0, 0), add_imm(0, 1),
                                                                   insn(BPF_STX | BPF_MEM | BPF_DW, 1, 0, 0, 0), mov(0, 0), exit()};
        return add(verified({count}), BPF_PROG_TYPE_TRACING, attach_type);
    }
    static bpf_insn add_imm(uint8_t dst, int32_t imm) { return insn(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm); }
    // main calls outer, which calls inner, which throws its argument when it is not 0; what catches adds 100.
    Ref<Program> thrower() {
        const bpf_insn throw_it = insn(BPF_JMP | BPF_CALL, 0, 0, 0, static_cast<int32_t>(throw_kfunc));
        VerifiedProgram code = verified({{mov(6, 1), call(1), add_imm(0, 10), exit()},
                                         {mov(7, 2), call(2), add_imm(0, 20), exit()},
                                         {insn(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1, 0), throw_it, mov(0, 3), exit()},
                                         {mov_reg(0, 1), add_imm(0, 100), exit()}});
        for (size_t i = 0; i < 3; ++i) code.subprograms[i].may_throw = true;
        code.subprograms[3].catches = true;
        code.exception_callback = 3;
        return add(std::move(code), BPF_PROG_TYPE_XDP, 0);
    }
};

TEST_P(Exception, PassesOverTheExitsOfTracedFunctions) {
    const Ref<Program> program = thrower();
    uint64_t entered = 0, left = 0, main_left = 0;
    const Ref<Program> before = trace(entered, BPF_TRACE_FENTRY), after = trace(left, BPF_TRACE_FEXIT),
                       last = trace(main_left, BPF_TRACE_FEXIT);
    const auto attach = [&](const Ref<Program>& each, uint32_t function) {
        return targets.attach({program.get(), function}, {each, 0, 1}).ok();
    };
    ASSERT_TRUE(attach(before, 1) && attach(after, 1) && attach(last, 0));
    for (uint64_t round = 1; round <= 3; ++round) {
        EXPECT_EQ(run(*program, reinterpret_cast<void*>(7)), 107U);
        EXPECT_EQ(run(*program, nullptr), 33U);
        EXPECT_EQ(entered, 2 * round);
        EXPECT_EQ(left, round) << "an exit is traced where there is one";
        EXPECT_EQ(main_left, 2 * round);
    }
    EXPECT_EQ(before->recursion_misses.load() + after->recursion_misses.load(), 0U);
    for (const Ref<Program>& each : {before, after}) targets.detach({program.get(), 1}, *each);
    targets.detach({program.get(), 0}, *last);
}

GRAFT_ON_EACH_ENGINE(Exception);

}  // namespace
}  // namespace graft
