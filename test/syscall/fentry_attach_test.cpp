// fentry and fexit programs on functions of programs and of extensions: who runs, in which order, what they see, who excludes whom.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

long attach(int program, uint32_t attach_type = 0, int target = 0, uint32_t function = 0, uint64_t cookie = 0) {
    Attr attr;
    attr->link_create.prog_fd = static_cast<uint32_t>(program);
    attr->link_create.target_fd = static_cast<uint32_t>(target);
    attr->link_create.attach_type = attach_type;
    attr->link_create.target_btf_id = function;
    attr->link_create.tracing.cookie = cookie;
    return attr.call(BPF_LINK_CREATE);
}

// One program of an object, loaded for a function of a target, writing to a shared trace.
struct Loaded : ObjectFile {
    Loaded(const char* object, const char* name, int target, const char* function, int trace) : ObjectFile(object), name_(name) {
        bpf_program* each = nullptr;
        bpf_object__for_each_program(each, get()) bpf_program__set_autoload(each, false);
        bpf_program__set_autoload(program(name), true);
        if (trace >= 0) bpf_map__reuse_fd(map("trace"), trace);
        bpf_program__set_attach_target(program(name), target, function);
        loaded = load();
        EXPECT_EQ(0, loaded) << name;
    }
    int fd() { return program_fd(name_); }
    const char* name_;
    int loaded;
};

struct Trace : Loaded {
    Trace(const char* name, int target, const char* function, int trace) : Loaded("tracing", name, target, function, trace) {}
    uint32_t attach_type() { return bpf_program__expected_attach_type(program(name_)); }
    Fd attach(uint64_t cookie = 0) { return Fd(test::attach(fd(), attach_type(), 0, 0, cookie)); }
};

struct Extension : Loaded {
    Extension(const char* name, int target, const char* function, int trace) : Loaded("extension", name, target, function, trace) {}
    Fd attach() { return Fd(test::attach(fd())); }
    Fd attach(int target, uint32_t function) { return Fd(test::attach(fd(), 0, target, function)); }
};

class Fentry : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, one.load());
        bpf_map__reuse_fd(two.map("trace"), one.map_fd("trace"));
        ASSERT_EQ(0, two.load());
        trace = one.map_fd("trace");
    }
    int fd() { return one.program_fd("target"); }
    int second() { return two.program_fd("target"); }
    Trace on(const char* name, const char* function = "get_x") { return {name, fd(), function, trace}; }
    Extension extension(const char* name, const char* function) { return {name, fd(), function, trace}; }
    std::string ran(int program) {
        const Ran result = run(program);
        return name_of(result.answer) + " " + take_trace(trace);
    }
    std::string ran() { return ran(fd()); }
    ObjectFile one{"xdp_target"}, two{"xdp_target_2"};
    int trace = -1;
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
TEST_F(Fentry, OnAnAttachedExtension) {
    Extension x = extension("new_x", "get_x");
    Fd link = x.attach();
    Trace before("fentry_a", x.fd(), "new_x", trace), after("fexit_result", x.fd(), "new_x", trace);
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("0 10 40 20 52 100 1100 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnAnExtensionBeforeItIsAttached) {
    Extension x = extension("new_x", "get_x");
    Trace before("fentry_a", x.fd(), "new_x", trace);
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 11 12 13 16 14 15 19", ran());
    Fd link = x.attach();
    EXPECT_EQ("0 10 40 20 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnAnExtensionRunsWhereverThatRuns) {
    Extension x = extension("new_x", "get_x");
    Fd first = x.attach();
    Trace before("fentry_a", x.fd(), "new_x", trace);
    Fd traced = before.attach();
    Fd other = x.attach(second(), function_id(second(), "get_x"));
    ASSERT_ANSWER(0, other.error());
    EXPECT_EQ("0 10 40 20 12 13 16 14 15 19", ran(second()));
    traced.reset();
    EXPECT_EQ("0 10 20 12 13 16 14 15 19", ran(second()));
    EXPECT_EQ("0 10 20 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnAFunctionInsideAnExtension) {
    Extension deep = extension("calls_inner", "get_y");
    Fd link = deep.attach();
    Trace before("fentry_argument", deep.fd(), "inner", trace);
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 11 24 42 200 25 13 16 14 15 19", ran());
}
TEST_F(Fentry, OnATracingProgramOnce) {
    Trace inner = on("calls_inner");
    Fd link = inner.attach();
    Trace outer("fexit_b", inner.fd(), "inner", trace);
    Fd traced = outer.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 44 45 51 11 12 13 16 14 15 19", ran());
}

// --- what they see ---------------------------------------------------------------------------------------

TEST_F(Fentry, ArgumentsAndResult) {
    Trace before = on("fentry_argument"), after = on("fexit_result");
    Fd first = before.attach(), second = after.attach();
    EXPECT_EQ("0 10 42 100 11 52 100 101 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, TheHelpersOfTracingPrograms) {
    Trace after = on("helpers");
    Fd link = after.attach(77);
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 53 1 0 100 22 0 101 77 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, TheResultIsNotThereBeforeTheFunctionRan) {
    Trace before = on("result_too_early");
    Fd link = before.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 43 95 11 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, TheAddressOfTheFunctionIsThatOfItsKsym) {
    Trace before = on("function_address");
    Fd link = before.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 12 13 16 14 15 19", ran());
    uint64_t seen = 0, ksyms[16] = {};
    uint32_t zero = 0, length = sizeof(bpf_prog_info);
    ASSERT_EQ(0, bpf_map_lookup_elem(before.map_fd("address"), &zero, &seen));
    bpf_prog_info info{};
    info.nr_jited_ksyms = 16;
    info.jited_ksyms = pointer(ksyms);
    ASSERT_EQ(0, bpf_obj_get_info_by_fd(fd(), &info, &length));
    EXPECT_EQ(ksyms[1], seen);  // get_x is the first function behind main
}
TEST_F(Fentry, AFunctionOfUnreliableBtfHasFiveArguments) {
    Trace after = on("raw_result", "get_static_pointer");
    Fd link = after.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 12 13 16 54 310 14 15 19", ran());
}

// --- who excludes whom ------------------------------------------------------------------------------------

TEST_F(Fentry, AnExtensionOfATracedFunctionIsEbusy) {
    Trace before = on("fentry_a");
    Extension x = extension("new_x", "get_x"), whole = extension("new_target", "target");
    Fd link = before.attach();
    EXPECT_ANSWER(-EBUSY, x.attach().error());
    EXPECT_GE(whole.attach().get(), 0);  // another function of the same program
    link.reset();
    Fd replaced = x.attach();
    ASSERT_ANSWER(0, replaced.error());
    EXPECT_EQ("0 10 20 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, TracingAReplacedFunctionIsEbusyAndKeepsTheTarget) {
    Trace before = on("fentry_a");
    Extension x = extension("new_x", "get_x");
    Fd link = x.attach();
    EXPECT_ANSWER(-EBUSY, before.attach().error());
    link.reset();
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran());
}
TEST_F(Fentry, OneProgramAttachesOnce) {
    Trace before = on("fentry_a");
    Fd link = before.attach();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
    link.reset();
    EXPECT_ANSWER(-EINVAL, before.attach().error());
}
TEST_F(Fentry, AnExplicitTargetIsEinval) {
    Trace before = on("fentry_a");
    EXPECT_ANSWER(-EINVAL, Fd(attach(before.fd(), BPF_TRACE_FENTRY, fd(), function_id(fd(), "get_x"))).error());
    EXPECT_ANSWER(-EINVAL, Fd(attach(before.fd(), BPF_TRACE_FENTRY, second(), function_id(second(), "get_x"))).error());
    EXPECT_GE(before.attach().get(), 0);
}
TEST_F(Fentry, AnotherAttachTypeIsEinval) {
    Trace before = on("fentry_a");
    for (uint32_t type : {0U, static_cast<uint32_t>(BPF_TRACE_FEXIT), 9999U})
        EXPECT_ANSWER(-EINVAL, Fd(attach(before.fd(), type)).error()) << type;
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
    Extension x = extension("new_x", "get_x");
    Trace before("fentry_a", x.fd(), "new_x", trace);
    Fd link = before.attach();
    const bpf_link_info info = link_info(link.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_TRACING), info.type);
    EXPECT_EQ(static_cast<uint32_t>(BPF_TRACE_FENTRY), info.tracing.attach_type);
    EXPECT_EQ(prog_info(before.fd()).id, info.prog_id);
    EXPECT_EQ(prog_info(x.fd()).id, info.tracing.target_obj_id);
    EXPECT_EQ(function_id(x.fd(), "new_x"), info.tracing.target_btf_id);
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
    Trace on(const char* name, const char* program, const char* function) {
        return {name, target.program_fd(program), function, trace};
    }
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
TEST_F(FentryTailCall, AProgramThatATailCallEntersIsNotTracedAtItsMainFunction) {
    Trace before = on("fentry_a", "callee", "callee"), after = on("fexit_a", "callee", "callee");
    Fd first = before.attach(), second = after.attach();
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ("302: 10 30", ran());
    run(target.program_fd("callee"));
    EXPECT_EQ("40 30 50", take_trace(trace));
}

}  // namespace
}  // namespace test
