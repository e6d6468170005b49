#include "hook/tracepoints.h"

#include <gtest/gtest.h>

#include "image/target_registry.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

struct TracepointsTest : testing::Test {
    Runtime runtime;
    Tracepoints events{runtime};
    TargetRegistry targets{default_engine(), test::run_state()};
    const Tracepoint& failed = tracepoints().front();
    uint64_t seen = 0;

    ~TracepointsTest() override { rcu::barrier(); }

    // Adds what the record says of its message's place to `seen`.
    Ref<Program> program() {
        const auto address = reinterpret_cast<uint64_t>(&seen);
        ProgramFacts facts;
        facts.type = BPF_PROG_TYPE_TRACEPOINT;
        Ref<Program> made = make_program(
            std::vector<Insns>{{insn(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, static_cast<int32_t>(address)),
                                insn(0, 0, 0, 0, static_cast<int32_t>(address >> 32)), insn(BPF_LDX | BPF_MEM | BPF_W, 3, 1, 8, 0),
                                insn(BPF_STX | BPF_ATOMIC | BPF_DW, 2, 3, 0, BPF_ADD), mov(0, 0), exit()}},
            facts);
        EXPECT_TRUE(targets.link(*made).ok());
        return made;
    }
};

TEST_F(TracepointsTest, RunTheProgramsThatAreAttached) {
    const auto one = make_ref<TraceEvent>(failed), two = make_ref<TraceEvent>(failed);
    events.xdp_link_attach_failed("nobody looks");
    EXPECT_EQ(seen, 0U);
    EXPECT_EQ(events.attach(*one, program()).code(), 0);
    EXPECT_EQ(events.attach(*one, program()).code(), EEXIST);
    EXPECT_EQ(events.attach(*two, program()).code(), 0);
    events.xdp_link_attach_failed("four");
    EXPECT_EQ(seen, 2 * (5U << 16 | 12U));
    events.detach(*one);
    events.xdp_link_attach_failed("");
    EXPECT_EQ(seen, 2 * (5U << 16 | 12U) + (1U << 16 | 12U));
    events.detach(*two);
}

TEST_F(TracepointsTest, AreFoundById) {
    EXPECT_EQ(find_tracepoint(failed.id), &failed);
    EXPECT_EQ(find_tracepoint(1), nullptr);
    EXPECT_STREQ(failed.name, "bpf_xdp_link_attach_failed");
}

TEST_F(TracepointsTest, TakeSixtyFourPrograms) {
    std::vector<Ref<TraceEvent>> all;
    for (int i = 0; i < 64; ++i) {
        all.push_back(make_ref<TraceEvent>(failed));
        ASSERT_EQ(events.attach(*all.back(), program()).code(), 0);
    }
    const auto last = make_ref<TraceEvent>(failed);
    EXPECT_EQ(events.attach(*last, program()).code(), E2BIG);
    for (const auto& event : all) events.detach(*event);
}

}  // namespace
}  // namespace graft
