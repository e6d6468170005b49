// Attaching freplace programs: one program to many targets, again, beside another, and to what is no target for it.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "support/assembly.h"
#include "support/attach_fixture.h"

namespace test {
namespace {

class Freplace : public FreplaceTest {};

// --- the life of one extension ------------------------------------------------------------

TEST_F(Freplace, NothingAttachedRunsTheTargetsOwnFunctions) {
    EXPECT_EQ(plain, ran(one));
    EXPECT_EQ(plain, ran(two));
}
TEST_F(Freplace, FirstAttachWithoutATargetGoesToTheOneOfTheLoad) {
    Fd link(attach(x.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran(one));
    EXPECT_EQ(plain, ran(two));
}
TEST_F(Freplace, ThroughRawTracepointOpenWithoutAName) {
    Fd link(attach_as_raw_tracepoint(x.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran(one));
    bpf_link_info info = link_info(link.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(prog_info(one.fd()).id, info.tracing.target_obj_id);
}
TEST_F(Freplace, TheTargetsResultIsTheExtensions) {
    uint32_t before = run(one.fd()).verdict;
    Fd link(attach(x.fd()));
    // v + 1000 replaces v + 1; get_static_pointer doubles the sum, get_two adds ten times the sum to it
    EXPECT_EQ(before + 999 * 2 * 11, run(one.fd()).verdict);
    take_trace(trace);
}
TEST_F(Freplace, ClosingTheLinkRestoresTheFunction) {
    Fd link(attach(x.fd()));
    EXPECT_EQ(replaced, ran(one));
    link.reset();
    EXPECT_EQ(plain, ran(one));
}
TEST_F(Freplace, AttachesToASecondTargetWhileAttached) {
    Fd first(attach(x.fd()));
    Fd second(attach(x.fd(), two.fd(), two.id("get_x")));
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ(replaced, ran(one));
    EXPECT_EQ(replaced, ran(two));
    first.reset();
    EXPECT_EQ(plain, ran(one));
    EXPECT_EQ(replaced, ran(two));
}
TEST_F(Freplace, AttachesToManyLoadsOfOneFile) {
    Fd first(attach(x.fd()));
    Target third("xdp_target", trace), fourth("xdp_target", trace);
    Fd link3(attach(x.fd(), third.fd(), third.id("get_x")));
    Fd link4(attach(x.fd(), fourth.fd(), fourth.id("get_x")));
    ASSERT_ANSWER(0, link3.error());
    ASSERT_ANSWER(0, link4.error());
    EXPECT_EQ(replaced, ran(third));
    EXPECT_EQ(replaced, ran(fourth));
}
TEST_F(Freplace, LinkInfoNamesProgramTargetAndFunction) {
    Fd first(attach(x.fd()));
    Fd second(attach(x.fd(), two.fd(), two.id("get_x")));
    bpf_link_info info = link_info(first.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(prog_info(x.fd()).id, info.prog_id);
    EXPECT_EQ(0U, info.tracing.attach_type);
    EXPECT_EQ(prog_info(one.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(one.id("get_x"), info.tracing.target_btf_id);
    info = link_info(second.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(prog_info(x.fd()).id, info.prog_id);
    EXPECT_EQ(0U, info.tracing.attach_type);
    EXPECT_EQ(prog_info(two.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(two.id("get_x"), info.tracing.target_btf_id);
}
TEST_F(Freplace, ProgramInfoForgetsTheTargetsBtfAtTheFirstAttach) {
    EXPECT_EQ(prog_info(one.fd()).btf_id, prog_info(x.fd()).attach_btf_obj_id);
    Fd link(attach(x.fd()));
    EXPECT_EQ(0U, prog_info(x.fd()).attach_btf_obj_id);
    EXPECT_EQ(one.id("get_x"), prog_info(x.fd()).attach_btf_id);
    // and it names the function of the load after another attach and after the first link is gone
    Fd second(attach(x.fd(), two.fd(), two.id("get_x")));
    link.reset();
    EXPECT_EQ(0U, prog_info(x.fd()).attach_btf_obj_id);
    EXPECT_EQ(one.id("get_x"), prog_info(x.fd()).attach_btf_id);
}
TEST_F(Freplace, ProgramInfoCountsTheFunctionsOfTheExtensionAlone) {
    Extension deep = extension("calls_inner", "get_y");
    for (const auto& [program, functions] : {std::pair(x.fd(), 1U), std::pair(deep.fd(), 2U)}) {
        const bpf_prog_info info = prog_info(program);
        EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_EXT), info.type);
        EXPECT_EQ(functions, info.nr_jited_ksyms);
        EXPECT_EQ(functions, info.nr_jited_func_lens);
        EXPECT_EQ(functions, info.nr_func_info);
        EXPECT_LT(0U, info.verified_insns);
    }
}
TEST_F(Freplace, ProgramInfoOfTheTargetIsTheSameWhenItIsReplaced) {
    const bpf_prog_info before = prog_info(one.fd());
    Fd link(attach(x.fd()));
    const bpf_prog_info after = prog_info(one.fd());
    for (const bpf_prog_info& info : {before, after}) {
        EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_XDP), info.type);
        EXPECT_EQ(7U, info.nr_jited_ksyms);  // target and the six functions that it calls
        EXPECT_EQ(7U, info.nr_jited_func_lens);
        EXPECT_EQ(7U, info.nr_func_info);
        EXPECT_EQ(0U, info.attach_btf_obj_id);
        EXPECT_EQ(0U, info.attach_btf_id);
        EXPECT_EQ(before.btf_id, info.btf_id);
        EXPECT_EQ(before.verified_insns, info.verified_insns);
        EXPECT_EQ(before.xlated_prog_len, info.xlated_prog_len);
    }
}
TEST_F(Freplace, AnExplicitTargetEqualToTheOneOfTheLoadConsumesIt) {
    Fd link(attach(x.fd(), one.fd(), one.id("get_x")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_ANSWER(-EINVAL, attach(x.fd()));
}
TEST_F(Freplace, TheFirstAttachMayGoElsewhere) {
    Fd link(attach(x.fd(), two.fd(), two.id("get_x")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(plain, ran(one));
    EXPECT_EQ(replaced, ran(two));
    EXPECT_ANSWER(-EINVAL, attach(x.fd()));  // the load's target is forgotten all the same
}
TEST_F(Freplace, MayReplaceAFunctionOfAnotherName) {
    Fd link(attach(x.fd(), one.fd(), one.id("get_y")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 20 13 16 14 15 19", ran(one));
    EXPECT_EQ(one.id("get_y"), link_info(link.get()).tracing.target_btf_id);
}
TEST_F(Freplace, TwoFunctionsOfOneTargetByOneProgram) {
    Fd first(attach(x.fd()));
    Fd second(attach(x.fd(), one.fd(), one.id("get_y")));
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("0 10 20 20 13 16 14 15 19", ran(one));
}
TEST_F(Freplace, ReplacingMainHidesWhatIsReplacedBelow) {
    Fd below(attach(x.fd()));
    Extension whole = extension("new_target", "target");
    Fd link(attach(whole.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 22", ran(one));
    EXPECT_EQ(77U, run(one.fd()).verdict);
    take_trace(trace);
    link.reset();
    EXPECT_EQ(replaced, ran(one));
}
TEST_F(Freplace, AnExtensionsOwnFunctionsRunInTheTarget) {
    Extension deep = extension("calls_inner", "get_y");
    Fd link(attach(deep.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 24 25 13 16 14 15 19", ran(one));
}

// --- again -----------------------------------------------------------------------------------

TEST_F(Freplace, WithoutATargetWhileAttachedIsEinval) {
    Fd link(attach(x.fd()));
    EXPECT_ANSWER(-EINVAL, attach(x.fd()));
}
TEST_F(Freplace, ToTheSameFunctionWhileAttachedIsEbusy) {
    Fd link(attach(x.fd()));
    EXPECT_ANSWER(-EBUSY, attach(x.fd(), one.fd(), one.id("get_x")));
}
TEST_F(Freplace, WithoutATargetAfterTheLinkClosedIsEinval) {
    Fd link(attach(x.fd()));
    link.reset();
    EXPECT_ANSWER(-EINVAL, attach(x.fd()));
    EXPECT_ANSWER(-EINVAL, attach_as_raw_tracepoint(x.fd()));
}
TEST_F(Freplace, WithTheTargetAfterTheLinkClosedAttachesAgain) {
    Fd link(attach(x.fd()));
    link.reset();
    link = Fd(attach(x.fd(), one.fd(), one.id("get_x")));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran(one));
    EXPECT_EQ(prog_info(one.fd()).id, link_info(link.get()).tracing.target_obj_id);
    EXPECT_EQ(one.id("get_x"), link_info(link.get()).tracing.target_btf_id);
}

// --- two extensions of one function ---------------------------------------------------------

TEST_F(Freplace, ASecondExtensionOfAFunctionIsEbusy) {
    Extension newer = extension("newer_x", "get_x");
    Fd link(attach(x.fd())), elsewhere(attach(x.fd(), two.fd(), two.id("get_x")));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd()));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd(), one.fd(), one.id("get_x")));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd(), two.fd(), two.id("get_x")));
    EXPECT_EQ(replaced, ran(one));
    EXPECT_EQ(replaced, ran(two));
}
TEST_F(Freplace, AFailedAttachKeepsTheTargetOfTheLoad) {
    Extension newer = extension("newer_x", "get_x");
    Fd link(attach(x.fd()));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd()));
    link.reset();
    link = Fd(attach(newer.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced_anew, ran(one));
}
TEST_F(Freplace, AFailedAttachElsewhereKeepsTheTargetOfTheLoad) {
    EXPECT_ANSWER(-EINVAL, attach(x.fd(), one.fd(), one.id("get_ctx")));
    EXPECT_GE(Fd(attach(x.fd())).get(), 0);
}

// --- targets that are none ---------------------------------------------------------------------

class FreplaceRefuses : public Freplace {
protected:
    // The refusal, and that it changed nothing.
    void refuses(long expected, int target, uint32_t function) {
        EXPECT_ANSWER(expected, attach(x.fd(), target, function));
        EXPECT_EQ(plain, ran(one));
        EXPECT_EQ(plain, ran(two));
        Fd link(attach(x.fd()));
        EXPECT_ANSWER(0, link.error());
    }
};

TEST_F(FreplaceRefuses, ATargetWithoutAFunction) { refuses(-EINVAL, one.fd(), 0); }
TEST_F(FreplaceRefuses, AFunctionWithoutATarget) { refuses(-EINVAL, 0, one.id("get_x")); }
TEST_F(FreplaceRefuses, ATargetThatIsNotOpen) { refuses(-EBADF, 4095, one.id("get_x")); }
TEST_F(FreplaceRefuses, ATargetThatIsAMap) { refuses(-EINVAL, trace, one.id("get_x")); }
TEST_F(FreplaceRefuses, AFunctionOutOfRange) { refuses(-EINVAL, two.fd(), 9999); }
TEST_F(FreplaceRefuses, AFunctionThatIsNone) { refuses(-EINVAL, two.fd(), 1); }
TEST_F(FreplaceRefuses, AnotherTargetsFunctionId) { refuses(-EINVAL, two.fd(), one.id("get_x")); }
TEST_F(FreplaceRefuses, AFunctionWithAnotherPrototype) { refuses(-EINVAL, two.fd(), two.id("get_ctx")); }
TEST_F(FreplaceRefuses, AFunctionWithMoreArguments) { refuses(-EINVAL, two.fd(), two.id("get_two")); }
TEST_F(FreplaceRefuses, AStaticFunction) { refuses(-EINVAL, two.fd(), two.id("get_static")); }
TEST_F(FreplaceRefuses, TheMainProgram) { refuses(-EINVAL, two.fd(), two.id("target")); }
TEST_F(FreplaceRefuses, ATargetOfAnotherProgramType) {
    Target tc("tc_target", trace);
    ASSERT_EQ(0, tc.answer());
    refuses(-EINVAL, tc.fd(), tc.id("get_x"));
}
TEST_F(FreplaceRefuses, Itself) { refuses(-EINVAL, x.fd(), function_id(x.fd(), "new_x")); }
TEST_F(FreplaceRefuses, AnotherExtension) {
    Extension newer = extension("newer_x", "get_x");
    refuses(-EINVAL, newer.fd(), function_id(newer.fd(), "newer_x"));
}
TEST_F(FreplaceRefuses, ATracingProgramAndItsFunction) {
    Trace before = on("calls_inner", "get_y");
    ASSERT_EQ(0, before.answer());
    refuses(-EINVAL, before.fd(), function_id(before.fd(), "calls_inner"));
    EXPECT_ANSWER(-EINVAL, attach(x.fd(), before.fd(), function_id(before.fd(), "inner")));
}
TEST_F(FreplaceRefuses, ATargetWithoutBtf) {
    Fd bare(prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()}));
    refuses(-EINVAL, bare.get(), one.id("get_x"));
}

// --- program arrays exclude extended programs ----------------------------------------------------

TEST_F(Freplace, AnExtendedProgramDoesNotGoIntoAProgramArray) {
    Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1));
    uint32_t key = 0, value = static_cast<uint32_t>(one.fd());
    Fd link(attach(x.fd()));
    EXPECT_ANSWER(-EBUSY, map_update(array, &key, &value));
    link.reset();
    EXPECT_ANSWER(0, map_update(array, &key, &value));
}
// Linux forgets the exclusion with the first link that goes.
TEST_F(Freplace, AProgramExtendedTwiceGoesIntoAProgramArrayAfterOneLinkClosed) {
    Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1));
    uint32_t key = 0, value = static_cast<uint32_t>(one.fd());
    Fd link(attach(x.fd())), second(attach(x.fd(), one.fd(), one.id("get_y")));
    EXPECT_ANSWER(-EBUSY, map_update(array, &key, &value));
    second.reset();
    EXPECT_ANSWER(0, map_update(array, &key, &value));
}
TEST_F(Freplace, AProgramInAProgramArrayIsNotExtended) {
    Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1));
    uint32_t key = 0, value = static_cast<uint32_t>(one.fd());
    EXPECT_ANSWER(0, map_update(array, &key, &value));
    EXPECT_ANSWER(-EBUSY, attach(x.fd()));
    EXPECT_ANSWER(0, map_delete(array, &key));
    EXPECT_GE(Fd(attach(x.fd())).get(), 0);
}
TEST_F(Freplace, AnExtensionItselfDoesNotGoIntoItsTargetsKindOfProgramArray) {
    ObjectFile caller("tail_call");
    ASSERT_EQ(0, caller.load());
    uint32_t key = 0, value = static_cast<uint32_t>(x.fd());
    EXPECT_EQ(-EINVAL, bpf_map_update_elem(caller.map_fd("programs"), &key, &value, BPF_ANY));
}

}  // namespace
}  // namespace test
