// Attaching fentry and fexit programs to functions of programs: who runs, in which order, how often, through which commands.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/attach_fixture.h"

namespace test {
namespace {

class Fentry : public AttachTest {
protected:
    int fd() { return one.fd(); }
    int second() { return two.fd(); }
};

// --- where, and in which order ------------------------------------------------------------------------

TEST_F(Fentry, OnTheMainFunction) {
    Trace before = on("fentry_a", "target");
    Fd link = before.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 40 10 11 12 13 16 14 15 19", ran());
    link.reset();
    EXPECT_EQ("0 10 11 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnAGlobalAndAStaticFunction) {
    Trace global = on("fentry_a", "get_x"), local = on("fexit_a", "get_static");
    Fd first = global.attach(), second = local.attach();
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("0 10 40 11 12 13 50 16 14 15 19", ran());
}
TEST_F(Fentry, TheLastAttachedRunsFirst) {
    Trace a = on("fentry_a"), b = on("fentry_b"), c = on("fexit_a"), d = on("fexit_b");
    Fd links[] = {a.attach(), b.attach(), c.attach(), d.attach()};
    EXPECT_EQ("0 10 41 40 11 51 50 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnATracingProgramOnce) {
    Trace inner = on("calls_inner");
    Fd link = inner.attach();
    Trace outer("fexit_b", inner.fd(), "inner", trace);
    Fd traced = outer.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 44 45 51 11 12 13 16 14 15 19", ran());
}

// --- once, to the function of the load, at most 38 --------------------------------------------------------

TEST_F(Fentry, OneProgramAttachesOnce) {
    Trace before = on("fentry_a");
    Fd link = before.attach();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
    link.reset();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
}
TEST_F(Fentry, AnExplicitTargetIsEinval) {
    Trace before = on("fentry_a");
    EXPECT_ANSWER(-EINVAL, before.attach(fd(), one.id("get_x")).error());
    EXPECT_ANSWER(-EINVAL, before.attach(second(), two.id("get_x")).error());
    EXPECT_ANSWER(-EINVAL, before.attach(4095, one.id("get_x")).error());  // before that is looked at
    EXPECT_GE(before.attach().get(), 0);
}
TEST_F(Fentry, AnotherAttachTypeIsEinval) {
    Trace before = on("fentry_a");
    for (uint32_t type : {0U, static_cast<uint32_t>(BPF_TRACE_FEXIT), 9999U})
        EXPECT_ANSWER(-EINVAL, Fd(attach(before.fd(), 0, 0, type)).error()) << type;
    EXPECT_GE(before.attach().get(), 0);
}
TEST_F(Fentry, ThroughRawTracepointOpenWithoutAName) {
    Trace before = on("fentry_a");
    Attr attr;
    attr->raw_tracepoint.prog_fd = static_cast<uint32_t>(before.fd());
    Fd link(attr.call(BPF_RAW_TRACEPOINT_OPEN));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, ThirtyEightOnOneFunction) {
    std::vector<std::unique_ptr<Trace>> programs;
    std::vector<Fd> links;
    for (int i = 0; i < 38; ++i) {
        programs.push_back(std::make_unique<Trace>(i % 2 == 0 ? "fentry_a" : "fexit_a", fd(), "get_x", trace));
        links.push_back(programs.back()->attach());
        ASSERT_ANSWER(0, links.back().error()) << i;
    }
    Trace further = on("fentry_b");
    EXPECT_ANSWER(-E2BIG, further.attach().error());
    links.pop_back();
    EXPECT_GE(further.attach().get(), 0);
}

// --- the link ------------------------------------------------------------------------------------------------

TEST_F(Fentry, LinkInfoNamesTheTarget) {
    Trace before = on("fentry_a");
    Fd link = before.attach();
    const bpf_link_info info = link_info(link.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(static_cast<uint32_t>(BPF_TRACE_FENTRY), info.tracing.attach_type);
    EXPECT_EQ(prog_info(before.fd()).id, info.prog_id);
    EXPECT_EQ(prog_info(one.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(one.id("get_x"), info.tracing.target_btf_id);
}
TEST_F(Fentry, ProgramInfoForgetsTheTargetsBtfWhenAttached) {
    Trace before = on("fentry_a");
    EXPECT_EQ(prog_info(fd()).btf_id, prog_info(before.fd()).attach_btf_obj_id);
    EXPECT_EQ(function_id(fd(), "get_x"), prog_info(before.fd()).attach_btf_id);
    Fd link = before.attach();
    EXPECT_EQ(0U, prog_info(before.fd()).attach_btf_obj_id);
    EXPECT_EQ(function_id(fd(), "get_x"), prog_info(before.fd()).attach_btf_id);
}
TEST_F(Fentry, UpdateAndDetachOfTheLink) {
    Trace before = on("fentry_a"), other = on("fentry_b");
    Fd link = before.attach();
    Attr update;
    update->link_update.link_fd = link.u();
    update->link_update.new_prog_fd = static_cast<uint32_t>(other.fd());
    EXPECT_ANSWER(-EINVAL, update.call(BPF_LINK_UPDATE));
    Attr detach;
    detach->link_detach.link_fd = link.u();
    EXPECT_ANSWER(-EOPNOTSUPP, detach.call(BPF_LINK_DETACH));
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, LibbpfAttachesIt) {
    Trace before = on("fentry_a");
    bpf_link* link = bpf_program__attach_trace(before.program("fentry_a"));
    ASSERT_NE(nullptr, link);
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
    bpf_link__destroy(link);
}
TEST_F(Fentry, RunsAreCountedWhileStatisticsAreOn) {
    Trace before = on("fentry_a");
    Fd link = before.attach();
    EXPECT_EQ(0U, prog_info(before.fd()).run_cnt);
    {
        Attr attr;
        attr->enable_stats.type = BPF_STATS_RUN_TIME;
        Fd statistics(attr.call(BPF_ENABLE_STATS));
        ASSERT_ANSWER(0, statistics.error());
        ran();
        ran();
    }
    ran();
    EXPECT_EQ(2U, prog_info(before.fd()).run_cnt);
}

// --- tail calls -----------------------------------------------------------------------------------------------

class FentryTailCall : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, target.load());
        trace = target.map_fd("trace");
        const uint32_t slot = 0;
        const int callee = target.program_fd("callee");
        ASSERT_EQ(0, bpf_map_update_elem(target.map_fd("jumps"), &slot, &callee, BPF_ANY));
    }
    Trace on(const char* name, const char* program, const char* function) { return {name, target.program_fd(program), function, trace}; }
    std::string ran() {
        const Ran result = run(target.program_fd("target"));
        return std::to_string(result.verdict) + ": " + take_trace(trace);
    }
    ObjectFile target{"tail_target"};
    int trace = -1;
};

TEST_F(FentryTailCall, AFunctionThatMakesOneIsTraced) {
    Trace before = on("fentry_a", "target", "get_t");
    Fd link = before.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("302: 10 40 30", ran());
}
TEST_F(FentryTailCall, FexitSeesWhatTheProgramThatWasCalledReturned) {
    Trace after = on("fexit_result", "target", "get_t");
    Fd link = after.attach();
    ASSERT_ANSWER(0, link.error());
    const std::string path = ran();  // between the two stands the address of the context
    EXPECT_EQ("302: 10 30 52 ", path.substr(0, 14));
    EXPECT_EQ(" 300", path.substr(path.size() - 4)) << path;
}
TEST_F(FentryTailCall, FexitOfAMainFunctionSeesWhatTheProgramThatItCalledReturned) {
    ObjectFile file("tail_call");
    ASSERT_EQ(0, file.load());
    const uint32_t slot = 1;
    const int landing = file.program_fd("landing");
    ASSERT_EQ(0, bpf_map_update_elem(file.map_fd("programs"), &slot, &landing, BPF_ANY));
    Trace before("fentry_a", file.program_fd("jump"), "jump", file.map_fd("trace"));
    Trace after("fexit_result", file.program_fd("jump"), "jump", file.map_fd("trace"));
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ(32U, run(file.program_fd("jump")).verdict);
    const std::string path = take_trace(file.map_fd("trace"));  // between the two stands the address of the context
    EXPECT_EQ("40 30 32 52 ", path.substr(0, 12));
    EXPECT_EQ(" 32", path.substr(path.size() - 3)) << path;
}
TEST_F(FentryTailCall, AProgramThatATailCallEntersIsNotTracedAtItsMainFunction) {
    Trace before = on("fentry_a", "callee", "callee"), after = on("fexit_a", "callee", "callee");
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("302: 10 30", ran());
    run(target.program_fd("callee"));
    EXPECT_EQ("40 30 50", take_trace(trace));
}

// --- callbacks ----------------------------------------------------------------------------------------------

// The kernel looks for what to call when the timer fires, not when it is armed.
TEST(FentryTimer, AttachedAfterTheTimerWasArmedItRunsWhenThatFires) {
    Target target("timer_target");
    ASSERT_EQ(0, target.answer());
    Trace before("fentry_a", target.fd(), "fired", target.trace()), after("fexit_a", target.fd(), "fired", target.trace());
    ASSERT_EQ(0, before.answer()) << before.log();
    ASSERT_EQ(1U, run(target.fd()).verdict);
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, second.error());
    uint32_t slot = 0, recorded = 0;
    for (int attempt = 0; attempt < 1000 && recorded < 4; ++attempt) {
        usleep(10'000);
        ASSERT_EQ(0, bpf_map_lookup_elem(target.trace(), &slot, &recorded));
    }
    EXPECT_EQ("10 40 30 50", take_trace(target.trace()));
}

}  // namespace
}  // namespace test
