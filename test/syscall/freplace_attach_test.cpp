// Attaching freplace programs: one program to many targets, what a target refuses, what a link keeps alive and what it restores.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "support/assembly.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

// A target object loaded with the trace of the first.
struct Target : ObjectFile {
    explicit Target(const char* name, int shared_trace = -1) : ObjectFile(name) {
        if (shared_trace >= 0) bpf_map__reuse_fd(map("trace"), shared_trace);
        loaded = load();
    }
    int fd() { return program_fd("target"); }
    uint32_t id(const char* function) { return function_id(fd(), function); }
    int loaded;
};

struct Extension : ObjectFile {
    Extension(const char* name, int target, const char* function, int trace) : ObjectFile("extension"), name_(name) {
        bpf_program* each = nullptr;
        bpf_object__for_each_program(each, get()) bpf_program__set_autoload(each, false);
        bpf_program__set_autoload(program(name), true);
        bpf_map__reuse_fd(map("trace"), trace);
        bpf_program__set_attach_target(program(name), target, function);
        loaded = load();
    }
    int fd() { return program_fd(name_); }
    const char* name_;
    int loaded;
};

long attach(int program, int target = 0, uint32_t function = 0) {
    Attr attr;
    attr->link_create.prog_fd = static_cast<uint32_t>(program);
    attr->link_create.target_fd = static_cast<uint32_t>(target);
    attr->link_create.target_btf_id = function;
    return attr.call(BPF_LINK_CREATE);
}

long attach_as_raw_tracepoint(int program) {
    Attr attr;
    attr->raw_tracepoint.prog_fd = static_cast<uint32_t>(program);
    return attr.call(BPF_RAW_TRACEPOINT_OPEN);
}

class Freplace : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, one.loaded);
        ASSERT_EQ(0, two.loaded);
        ASSERT_EQ(0, x.loaded);
        ASSERT_NE(one.id("get_x"), two.id("get_x"));
    }
    std::string ran(Target& target) {
        Ran result = run(target.fd());
        return name_of(result.answer) + " " + take_trace(trace);
    }
    static constexpr const char* plain = "0 10 11 12 13 16 14 15 19";
    static constexpr const char* replaced = "0 10 20 12 13 16 14 15 19";
    static constexpr const char* replaced_anew = "0 10 21 12 13 16 14 15 19";

    Target one{"xdp_target"};
    int trace = one.map_fd("trace");
    Target two{"xdp_target_2", trace};
    Extension x{"new_x", one.fd(), "get_x", trace};
};

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
    EXPECT_EQ(prog_info(two.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(two.id("get_x"), info.tracing.target_btf_id);
}
TEST_F(Freplace, ProgramInfoForgetsTheTargetsBtfAtTheFirstAttach) {
    EXPECT_EQ(prog_info(one.fd()).btf_id, prog_info(x.fd()).attach_btf_obj_id);
    Fd link(attach(x.fd()));
    EXPECT_EQ(0U, prog_info(x.fd()).attach_btf_obj_id);
    EXPECT_EQ(one.id("get_x"), prog_info(x.fd()).attach_btf_id);
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
    Extension whole("new_target", one.fd(), "target", trace);
    Fd link(attach(whole.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 22", ran(one));
    EXPECT_EQ(77U, run(one.fd()).verdict);
    take_trace(trace);
    link.reset();
    EXPECT_EQ(replaced, ran(one));
}
TEST_F(Freplace, AnExtensionsOwnFunctionsRunInTheTarget) {
    Extension deep("calls_inner", one.fd(), "get_y", trace);
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
}

// --- two extensions of one function ---------------------------------------------------------

TEST_F(Freplace, ASecondExtensionOfAFunctionIsEbusy) {
    Extension newer("newer_x", one.fd(), "get_x", trace);
    Fd link(attach(x.fd()));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd()));
    EXPECT_ANSWER(-EBUSY, attach(newer.fd(), one.fd(), one.id("get_x")));
    EXPECT_EQ(replaced, ran(one));
}
TEST_F(Freplace, AFailedAttachKeepsTheTargetOfTheLoad) {
    Extension newer("newer_x", one.fd(), "get_x", trace);
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
    ASSERT_EQ(0, tc.loaded);
    refuses(-EINVAL, tc.fd(), tc.id("get_x"));
}
TEST_F(FreplaceRefuses, Itself) { refuses(-EINVAL, x.fd(), function_id(x.fd(), "new_x")); }
TEST_F(FreplaceRefuses, AnotherExtension) {
    Extension newer("newer_x", one.fd(), "get_x", trace);
    refuses(-EINVAL, newer.fd(), function_id(newer.fd(), "newer_x"));
}
TEST_F(FreplaceRefuses, ATargetWithoutBtf) {
    Fd bare(prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()}));
    refuses(-EINVAL, bare.get(), one.id("get_x"));
}

// --- other fields and other commands ----------------------------------------------------------

TEST_F(Freplace, AttachTypeAndFlagsAreNotLookedAt) {
    for (uint32_t attach_type : {static_cast<uint32_t>(BPF_TRACE_FENTRY), 9999U}) {
        Attr attr;
        attr->link_create.prog_fd = static_cast<uint32_t>(x.fd());
        attr->link_create.target_fd = static_cast<uint32_t>(two.fd());
        attr->link_create.target_btf_id = two.id("get_x");
        attr->link_create.attach_type = attach_type;
        attr->link_create.flags = BPF_F_REPLACE;
        EXPECT_GE(Fd(attr.call(BPF_LINK_CREATE)).get(), 0) << attach_type;
    }
}
TEST_F(Freplace, ACookieIsAccepted) {
    Attr attr;
    attr->link_create.prog_fd = static_cast<uint32_t>(x.fd());
    attr->link_create.target_fd = static_cast<uint32_t>(two.fd());
    attr->link_create.target_btf_id = two.id("get_x");
    attr->link_create.tracing.cookie = 7;
    EXPECT_GE(Fd(attr.call(BPF_LINK_CREATE)).get(), 0);
}
TEST_F(Freplace, LibbpfAttachesByFunctionName) {
    bpf_link* link = bpf_program__attach_freplace(x.program("new_x"), two.fd(), "get_x");
    ASSERT_NE(nullptr, link);
    EXPECT_EQ(replaced, ran(two));
    bpf_link__destroy(link);
    EXPECT_EQ(nullptr, bpf_program__attach_freplace(x.program("new_x"), two.fd(), "nope"));
    EXPECT_EQ(ENOENT, errno);
}
TEST_F(Freplace, AProgramOfAnotherTypeIsEinval) { EXPECT_ANSWER(-EINVAL, attach(two.fd(), one.fd(), one.id("get_x"))); }
TEST_F(Freplace, ProgAttachIsEinval) {
    Attr attr;
    attr->target_fd = static_cast<uint32_t>(one.fd());
    attr->attach_bpf_fd = static_cast<uint32_t>(x.fd());
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_ATTACH));
}
TEST_F(Freplace, TestRunOfAnExtensionIsEnotsupp) { EXPECT_ANSWER(-enotsupp, run(x.fd()).answer); }
TEST_F(Freplace, LinkUpdateIsEinval) {
    Extension newer("newer_x", one.fd(), "get_x", trace);
    Fd link(attach(x.fd()));
    for (int program : {newer.fd(), x.fd()}) {
        Attr attr;
        attr->link_update.link_fd = link.u();
        attr->link_update.new_prog_fd = static_cast<uint32_t>(program);
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_LINK_UPDATE));
    }
    EXPECT_EQ(replaced, ran(one));
}
TEST_F(Freplace, LinkDetachIsEopnotsupp) {
    Fd link(attach(x.fd()));
    Attr attr;
    attr->link_detach.link_fd = link.u();
    EXPECT_ANSWER(-EOPNOTSUPP, attr.call(BPF_LINK_DETACH));
    EXPECT_EQ(replaced, ran(one));
}

// --- what keeps what alive ---------------------------------------------------------------------

long program_by_id(uint32_t id) {
    Attr attr;
    attr->prog_id = id;
    return attr.call(BPF_PROG_GET_FD_BY_ID);
}

TEST_F(Freplace, AnUnattachedExtensionHoldsItsTarget) {
    Target third("xdp_target", trace);
    uint32_t id = prog_info(third.fd()).id;
    Extension newer("newer_x", third.fd(), "get_x", trace);
    third = Target("xdp_target_2", trace);  // closes it
    Fd again(program_by_id(id));
    ASSERT_ANSWER(0, again.error());
    Fd link(attach(newer.fd()));
    ASSERT_ANSWER(0, link.error());
    run(again.get());
    EXPECT_EQ("10 21 12 13 16 14 15 19", take_trace(trace));
}
TEST_F(Freplace, ALinkHoldsTargetAndExtension) {
    uint32_t target_id = 0, extension_id = 0;
    Fd link;
    {
        Target third("xdp_target", trace);
        Extension newer("newer_x", third.fd(), "get_x", trace);
        target_id = prog_info(third.fd()).id;
        extension_id = prog_info(newer.fd()).id;
        link = Fd(attach(newer.fd()));
        ASSERT_ANSWER(0, link.error());
    }
    Fd target(program_by_id(target_id)), extension(program_by_id(extension_id));
    EXPECT_ANSWER(0, target.error());
    EXPECT_ANSWER(0, extension.error());
    run(target.get());
    EXPECT_EQ("10 21 12 13 16 14 15 19", take_trace(trace));
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
