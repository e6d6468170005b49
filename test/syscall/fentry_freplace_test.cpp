// fentry and fexit programs beside freplace: on extensions, and where one excludes the other.
#include <gtest/gtest.h>

#include <vector>

#include "support/attach_fixture.h"

namespace test {
namespace {

// --- on a function, or in its place ------------------------------------------------------------------------

class FentryBesideFreplace : public FreplaceTest {};

TEST_F(FentryBesideFreplace, AFunctionIsReplacedWhileMainIsTraced) {
    Trace main = on("fentry_a", "target");
    Fd traced = main.attach(), link = x.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 40 10 20 12 13 16 14 15 19", ran());
}
TEST_F(FentryBesideFreplace, MainIsNotReplacedWhileItIsTraced) {
    Trace main = on("fentry_a", "target");
    Extension whole = extension("new_target", "target");
    Fd traced = main.attach(), link = x.attach();
    EXPECT_ANSWER(-EBUSY, whole.attach().error());
    EXPECT_EQ("0 40 10 20 12 13 16 14 15 19", ran());
}
TEST_F(FentryBesideFreplace, ATracedFunctionIsNotReplaced) {
    Trace main = on("fentry_a", "target"), before = on("fentry_b");
    Fd links[] = {main.attach(), before.attach()};
    EXPECT_ANSWER(-EBUSY, x.attach().error());
    EXPECT_ANSWER(-EBUSY, x.attach(one.fd(), one.id("get_x")).error());
    EXPECT_EQ("0 40 10 41 11 12 13 16 14 15 19", ran());
}
TEST_F(FentryBesideFreplace, MainIsReplacedWhileAnotherFunctionIsTraced) {
    Trace before = on("fentry_a");
    Extension whole = extension("new_target", "target");
    Fd traced = before.attach(), link = whole.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 22", ran());
    link.reset();
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
}
TEST_F(FentryBesideFreplace, AFunctionNoLongerTracedIsReplaced) {
    Trace before = on("fentry_a");
    Fd traced = before.attach();
    EXPECT_ANSWER(-EBUSY, x.attach().error());
    traced.reset();
    Fd link = x.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran());
}
TEST_F(FentryBesideFreplace, AReplacedFunctionIsNotTraced) {
    Trace before = on("fentry_a"), after = on("fexit_a");
    Fd link = x.attach();
    EXPECT_ANSWER(-EBUSY, before.attach().error());
    EXPECT_ANSWER(-EBUSY, after.attach().error());
    EXPECT_EQ(replaced, ran());
}
TEST_F(FentryBesideFreplace, AFailedAttachKeepsTheTargetOfTheLoad) {
    Trace before = on("fentry_a");
    Fd link = x.attach();
    EXPECT_ANSWER(-EBUSY, before.attach().error());
    link.reset();
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
}
TEST_F(FentryBesideFreplace, OneThatWasAttachedIsEinvalWhereAFreshOneIsEbusy) {
    Trace before = on("fentry_a"), fresh = on("fentry_b");
    before.attach();  // and detached
    Fd link = x.attach();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
    EXPECT_ANSWER(-EBUSY, fresh.attach().error());
}

// --- on an extension -----------------------------------------------------------------------------------------

class FentryOnFreplace : public FreplaceTest {
protected:
    Trace on_x(const char* name) { return {name, x.fd(), "new_x", trace}; }
};

TEST_F(FentryOnFreplace, ThatIsAttached) {
    Fd link = x.attach();
    Trace before = on_x("fentry_a"), after = on_x("fexit_result");
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, first.error());
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("0 10 40 20 52 100 1100 12 13 16 14 15 19", ran());
}
TEST_F(FentryOnFreplace, ThatIsNotYetAttached) {
    Trace before = on_x("fentry_a");
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ(plain, ran());
    Fd link = x.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 40 20 12 13 16 14 15 19", ran());
}
TEST_F(FentryOnFreplace, TheLastAttachedRunsFirst) {
    Fd link = x.attach();
    Trace a = on_x("fentry_a"), b = on_x("fentry_b"), c = on_x("fexit_result"), d = on_x("fexit_b");
    Fd links[] = {a.attach(), b.attach(), c.attach(), d.attach()};
    EXPECT_EQ("0 10 41 40 20 51 52 100 1100 12 13 16 14 15 19", ran());
}
TEST_F(FentryOnFreplace, TheOtherWayRoundTheyRunTheOtherWayRound) {
    Fd link = x.attach();
    Trace a = on_x("fentry_a"), b = on_x("fentry_b"), c = on_x("fexit_result"), d = on_x("fexit_b");
    Fd links[] = {b.attach(), a.attach(), d.attach(), c.attach()};
    EXPECT_EQ("0 10 40 41 20 52 100 1100 51 12 13 16 14 15 19", ran());
}
TEST_F(FentryOnFreplace, RunsWhereverThatRuns) {
    Trace before = on_x("fentry_a"), after = on_x("fexit_result");
    Fd first = x.attach(), traced = before.attach(), left = after.attach();
    Fd other = x.attach(two.fd(), two.id("get_x"));
    ASSERT_ANSWER(0, other.error());
    EXPECT_EQ("0 10 40 20 52 100 1100 12 13 16 14 15 19", ran(two));
    EXPECT_EQ("0 10 40 20 52 100 1100 12 13 16 14 15 19", ran());
    traced.reset();
    left.reset();
    EXPECT_EQ(replaced, ran(two));
    EXPECT_EQ(replaced, ran());
}
TEST_F(FentryOnFreplace, OnAFunctionInsideIt) {
    Extension deep = extension("calls_inner", "get_y");
    Fd link = deep.attach();
    Trace before("fentry_argument", deep.fd(), "inner", trace);
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 11 24 42 200 25 13 16 14 15 19", ran());
}
TEST_F(FentryOnFreplace, AttachesOnce) {
    Trace before = on_x("fentry_a");
    Fd traced = before.attach();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
    traced.reset();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
    EXPECT_ANSWER(-EINVAL, before.attach(x.fd(), function_id(x.fd(), "new_x")).error());
}
TEST_F(FentryOnFreplace, AnExplicitTargetIsEinval) {
    Extension newer = extension("newer_x", "get_x");
    Trace before = on_x("fentry_a");
    EXPECT_ANSWER(-EINVAL, before.attach(newer.fd(), function_id(newer.fd(), "newer_x")).error());
    EXPECT_ANSWER(-EINVAL, before.attach(x.fd(), function_id(x.fd(), "new_x")).error());
    Fd traced = before.attach();
    EXPECT_ANSWER(0, traced.error());
}
TEST_F(FentryOnFreplace, LinkInfoNamesTheExtensionAsItsTarget) {
    Trace before = on_x("fentry_a");
    Fd traced = before.attach();
    const bpf_link_info info = link_info(traced.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(static_cast<uint32_t>(BPF_TRACE_FENTRY), info.tracing.attach_type);
    EXPECT_EQ(prog_info(before.fd()).id, info.prog_id);
    EXPECT_EQ(prog_info(x.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(function_id(x.fd(), "new_x"), info.tracing.target_btf_id);
}
TEST_F(FentryOnFreplace, ProgramInfoNamesTheExtensionsBtfUntilItIsAttached) {
    Trace before = on_x("fentry_a");
    EXPECT_EQ(prog_info(x.fd()).btf_id, prog_info(before.fd()).attach_btf_obj_id);
    Fd traced = before.attach();
    const bpf_prog_info info = prog_info(before.fd());
    EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_TRACING), info.type);
    EXPECT_EQ(0U, info.attach_btf_obj_id);
    EXPECT_EQ(function_id(x.fd(), "new_x"), info.attach_btf_id);
    EXPECT_EQ(1U, info.nr_jited_ksyms);
    EXPECT_EQ(1U, info.nr_jited_func_lens);
    EXPECT_EQ(1U, info.nr_func_info);
}
TEST_F(FentryOnFreplace, ThirtyEight) {
    Fd link = x.attach();
    std::vector<Trace> programs;
    std::vector<Fd> links;
    for (int i = 0; i < 38; ++i) {
        programs.push_back(on_x(i % 2 == 0 ? "fentry_a" : "fexit_a"));
        links.push_back(programs.back().attach());
        ASSERT_ANSWER(0, links.back().error()) << i;
    }
    Trace further = on_x("fentry_b");
    EXPECT_ANSWER(-E2BIG, further.attach().error());
    links.pop_back();
    Fd last = further.attach();
    EXPECT_ANSWER(0, last.error());
}

}  // namespace
}  // namespace test
