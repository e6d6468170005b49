// What fentry and fexit programs see: arguments by their types, kernel objects, the result, what the helpers tell, and themselves again.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/assembly.h"
#include "support/attach_fixture.h"
#include "support/btf_builder.h"

namespace test {
namespace {

// A program of fentry.bpf.c: what it saw stands in the map of that name.
struct Watcher : LoadedFor {
    using LoadedFor::LoadedFor;
    uint64_t saw(uint32_t what) {
        uint64_t value = 0;
        EXPECT_EQ(0, bpf_map_lookup_elem(map_fd("seen"), &what, &value));
        return value;
    }
};

std::vector<uint64_t> ksyms(int program) {
    std::vector<uint64_t> addresses(prog_info(program).nr_jited_ksyms);
    bpf_prog_info info{};
    uint32_t length = sizeof info;
    info.nr_jited_ksyms = static_cast<uint32_t>(addresses.size());
    info.jited_ksyms = pointer(addresses.data());
    EXPECT_EQ(0, bpf_obj_get_info_by_fd(program, &info, &length));
    return addresses;
}

class FentryContext : public AttachTest {
protected:
    Watcher watch(const char* name, int target, const char* function) { return {"fentry", name, target, function, trace}; }
    Watcher watch(const char* name, const char* function) { return watch(name, one.fd(), function); }
};

// --- arguments and the result ----------------------------------------------------------------------------

TEST_F(FentryContext, ArgumentsAndResult) {
    Trace before = on("fentry_argument"), after = on("fexit_result");
    Fd first = before.attach(), second = after.attach();
    EXPECT_EQ("0 10 42 100 11 52 100 101 12 13 16 14 15 19", ran());
}
TEST_F(FentryContext, FexitOfAProgramSeesItsVerdict) {
    Watcher after = watch("leave_xdp", "target");
    ASSERT_EQ(0, after.answer()) << after.log();
    Fd link = after.attach();
    const uint32_t verdict = run(one.fd()).verdict;
    EXPECT_EQ(verdict, after.saw(4));
    take_trace(trace);
}
TEST_F(FentryContext, AFunctionOfUnreliableBtfHasFiveArguments) {
    Trace after = on("raw_result", "get_static_pointer");
    Fd link = after.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 11 12 13 16 54 310 14 15 19", ran());
}

// --- kernel objects ----------------------------------------------------------------------------------------

TEST_F(FentryContext, OfAnXdpProgramIsABufferWithItsDevice) {
    Watcher before = watch("enter_xdp", "target");
    ASSERT_EQ(0, before.answer()) << before.log();
    Fd link = before.attach();
    EXPECT_EQ("0 60 10 11 12 13 16 14 15 19", ran());
    EXPECT_EQ(1U, before.saw(0));   // xdp->rxq->dev->ifindex: a test run comes in at lo
    EXPECT_EQ(64U, before.saw(1));  // data_end - data
    EXPECT_EQ(1U, before.saw(2));   // xdp->txq->dev->ifindex through null, and 1
    EXPECT_EQ(0U, before.saw(3));   // queue_index
}
TEST_F(FentryContext, OfAFunctionWithTheContextIsThatBuffer) {
    Watcher before = watch("enter_xdp", "get_ctx"), after = watch("leave_xdp", "get_ctx");
    ASSERT_EQ(0, before.answer()) << before.log();
    ASSERT_EQ(0, after.answer()) << after.log();
    Fd first = before.attach(), second = after.attach();
    EXPECT_EQ("0 10 11 12 13 16 60 14 61 15 19", ran());
    EXPECT_EQ(1U, before.saw(0));
    EXPECT_EQ(64U, before.saw(1));
    EXPECT_EQ(1U, after.saw(0));
    EXPECT_EQ(4U, after.saw(4));
}
TEST_F(FentryContext, OfAnExtensionIsThatOfWhatItReplaces) {
    Extension other = extension("new_ctx", "get_ctx");
    Fd link = other.attach();
    Watcher before = watch("enter_xdp", other.fd(), "new_ctx"), after = watch("leave_xdp", other.fd(), "new_ctx");
    ASSERT_EQ(0, before.answer()) << before.log();
    ASSERT_EQ(0, after.answer()) << after.log();
    Fd first = before.attach(), second = after.attach();
    EXPECT_EQ("0 10 11 12 13 16 60 23 61 15 19", ran());
    EXPECT_EQ(1U, before.saw(0));
    EXPECT_EQ(64U, before.saw(1));
    EXPECT_EQ(40U, after.saw(4));
}
TEST_F(FentryContext, OfATcProgramIsASocketBuffer) {
    Target tc("tc_target", trace);
    ASSERT_EQ(0, tc.answer());
    Watcher before = watch("enter_skb", tc.fd(), "target"), after = watch("leave_skb", tc.fd(), "target");
    ASSERT_EQ(0, before.answer()) << before.log();
    ASSERT_EQ(0, after.answer()) << after.log();
    Fd first = before.attach(), second = after.attach();
    const Ran result = run(tc.fd());
    EXPECT_EQ("62 10 11 12 13 16 14 15 19 63", take_trace(trace));
    EXPECT_EQ(1U, before.saw(0));   // skb->dev->ifindex
    EXPECT_EQ(64U, before.saw(1));  // skb->len
    EXPECT_EQ(0U, before.saw(3));   // skb->cb
    EXPECT_EQ(64U, after.saw(1));
    EXPECT_EQ(result.verdict, after.saw(4));
}
TEST_F(FentryContext, OfAnExtensionOfATcFunctionIsASocketBuffer) {
    Target tc("tc_target", trace);
    Extension other("new_skb_ctx", tc.fd(), "get_ctx", trace);
    ASSERT_EQ(0, other.answer()) << other.log();
    Fd link = other.attach();
    Watcher before = watch("enter_skb", other.fd(), "new_skb_ctx");
    ASSERT_EQ(0, before.answer()) << before.log();
    Fd traced = before.attach();
    run(tc.fd());
    EXPECT_EQ("10 11 12 13 16 62 26 15 19", take_trace(trace));
    EXPECT_EQ(64U, before.saw(1));
}

// --- helpers -------------------------------------------------------------------------------------------------

TEST_F(FentryContext, HelpersBeforeTheFunction) {
    Watcher before = watch("ask_before", "get_x");
    Fd link = before.attach(77);
    ASSERT_ANSWER(0, link.error());
    ran();
    EXPECT_EQ(1U, before.saw(0));                                  // bpf_get_func_arg_cnt
    EXPECT_EQ(0U, before.saw(1));                                  // bpf_get_func_arg of the first
    EXPECT_EQ(100U, before.saw(2));                                // its value
    EXPECT_EQ(static_cast<uint64_t>(-EINVAL), before.saw(3));      // of one that is not there
    EXPECT_EQ(static_cast<uint64_t>(-EOPNOTSUPP), before.saw(4));  // bpf_get_func_ret
    EXPECT_EQ(77U, before.saw(6));                                 // bpf_get_attach_cookie
}
TEST_F(FentryContext, HelpersAfterTheFunction) {
    Watcher after = watch("ask_after", "get_x");
    Fd link = after.attach(78);
    ASSERT_ANSWER(0, link.error());
    ran();
    EXPECT_EQ(0U, after.saw(4));
    EXPECT_EQ(101U, after.saw(2));
    EXPECT_EQ(78U, after.saw(6));
    Trace all = on("helpers");
    Fd other = all.attach(79);
    EXPECT_EQ("0 10 11 53 1 0 100 22 0 101 79 12 13 16 14 15 19", ran());
}
// Five registers, whatever was in them.
TEST_F(FentryContext, WhereBtfIsUnreliableArgumentsAreFive) {
    Watcher before = watch("ask_before", "get_static_pointer"), after = watch("ask_after", "get_static_pointer");
    ASSERT_EQ(0, before.answer()) << before.log();
    ASSERT_EQ(0, after.answer()) << after.log();
    Fd first = before.attach(80), second = after.attach(81);
    ran();
    EXPECT_EQ(5U, before.saw(0));
    EXPECT_EQ(0U, before.saw(1));
    EXPECT_NE(0U, before.saw(2));  // a pointer
    EXPECT_EQ(static_cast<uint64_t>(-EINVAL), before.saw(3));
    EXPECT_EQ(static_cast<uint64_t>(-EOPNOTSUPP), before.saw(4));
    EXPECT_EQ(80U, before.saw(6));
    EXPECT_EQ(0U, after.saw(4));
    EXPECT_EQ(101U + 202 + 4 + 3, after.saw(2));  // of get_x, get_y, get_static for an interface of index 1, and 3
    EXPECT_EQ(81U, after.saw(6));
    EXPECT_EQ(before.saw(5), after.saw(5));
}
TEST_F(FentryContext, TwoArgumentsAreTwo) {
    Watcher before = watch("ask_before", "get_two");
    Fd link = before.attach();
    ASSERT_ANSWER(0, link.error());
    ran();
    EXPECT_EQ(2U, before.saw(0));
    EXPECT_EQ(0U, before.saw(6));  // no cookie was given
}
TEST_F(FentryContext, TheAddressOfTheFunctionIsThatOfItsKsym) {
    Watcher before = watch("ask_before", "get_x"), after = watch("ask_after", "get_x"), main = watch("ask_after", "target");
    Fd links[] = {before.attach(), after.attach(), main.attach()};
    ran();
    const std::vector<uint64_t> functions = ksyms(one.fd());
    ASSERT_EQ(7U, functions.size());
    EXPECT_EQ(functions[1], before.saw(5));  // get_x is the first function behind main
    EXPECT_EQ(functions[1], after.saw(5));
    EXPECT_EQ(functions[0], main.saw(5));
}
TEST_F(FentryContext, OnAnExtensionTheAddressIsThatOfTheExtension) {
    Extension x = extension("new_x", "get_x");
    Fd link = x.attach();
    Watcher before = watch("ask_before", x.fd(), "new_x");
    Fd traced = before.attach();
    ran();
    EXPECT_EQ(ksyms(x.fd()).at(0), before.saw(5));
}

// --- itself again ----------------------------------------------------------------------------------------------

// A tracing program is entered again while it runs: `outer` traces a function of `inner`, which traces the target, and tail-calls it.  Tail
// calls among tracing programs want functions of one prototype, of one BTF.
TEST(FentryRecursion, IsMissedAndCounted) {
    BtfBuilder types;
    const uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED);
    const uint32_t md = types.type("xdp_md", BTF_KIND_FWD, 0, 0);
    const uint32_t main_prototype = types.prototype(integer, {{"ctx", types.type("", BTF_KIND_PTR, 0, md)}});
    const uint32_t prototype = types.prototype(integer, {{"v", integer}});
    const uint32_t main = types.function("main", main_prototype, BTF_FUNC_GLOBAL);
    const uint32_t function = types.function("function", prototype, BTF_FUNC_GLOBAL);
    const Fd btf(types.load());
    ASSERT_TRUE(btf.ok()) << btf.error();
    const Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1));

    auto load = [&](uint32_t type, const Program& code, std::vector<bpf_func_info> functions, const Fd& target) {
        std::string log(65536, '\0');
        Attr attr = program_attr(type, code);
        attr->prog_btf_fd = btf.u();
        attr->func_info = pointer(functions.data());
        attr->func_info_cnt = static_cast<uint32_t>(functions.size());
        attr->func_info_rec_size = sizeof functions[0];
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
        if (target.ok()) {
            attr->expected_attach_type = BPF_TRACE_FENTRY;
            attr->attach_prog_fd = target.u();
            attr->attach_btf_id = function;
        }
        Fd program(attr.call(BPF_PROG_LOAD));
        EXPECT_TRUE(program.ok()) << log.c_str();
        return program;
    };
    const Program calls_function{mov(r1, 5), raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 2), mov(r0, 0), exit(), mov(r0, r1), exit()};
    const Fd target = load(BPF_PROG_TYPE_XDP, calls_function, {{0, main}, {4, function}}, Fd());
    const Fd inner = load(BPF_PROG_TYPE_TRACING, calls_function, {{0, main}, {4, function}}, target);
    const Program calls_inner{map_fd(r2, array.get()), mov(r3, 0), call(BPF_FUNC_tail_call), mov(r0, 0), exit()};
    const Fd outer = load(BPF_PROG_TYPE_TRACING, calls_inner, {{0, main}}, inner);
    const uint32_t key = 0, value = inner.u();
    ASSERT_ANSWER(0, map_update(array, &key, &value));

    const Fd first(attach(inner.get(), 0, 0, BPF_TRACE_FENTRY)), second(attach(outer.get(), 0, 0, BPF_TRACE_FENTRY));
    ASSERT_ANSWER(0, first.error());
    ASSERT_ANSWER(0, second.error());
    for (uint64_t runs = 1; runs <= 3; ++runs) {
        EXPECT_ANSWER(0, run(target.get()).answer);
        EXPECT_EQ(runs, prog_info(outer.get()).recursion_misses);
        EXPECT_EQ(0U, prog_info(inner.get()).recursion_misses);
    }
}

}  // namespace
}  // namespace test
