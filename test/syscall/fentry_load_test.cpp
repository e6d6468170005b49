// Loading fentry and fexit programs (BPF_PROG_TYPE_TRACING): which functions of which programs they may be written for.
#include <gtest/gtest.h>

#include <ostream>
#include <sstream>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/btf_builder.h"
#include "support/programs.h"
#include "support/rows.h"

namespace test {
namespace {

struct LoadRow {
    const char* name;
    const char* program;   // of fentry.bpf.c
    const char* target;    // an object file
    const char* function;  // of it
    long answer;
    const char* log;  // a line of the verifier's log; null: none asked
};
void PrintTo(const LoadRow& row, std::ostream* out) { *out << row.name; }

class FentryLoad : public testing::TestWithParam<LoadRow> {};

TEST_P(FentryLoad, Answers) {
    const LoadRow& row = GetParam();
    ObjectFile target(row.target);
    ASSERT_EQ(0, target.load());
    LoadedFor loaded("fentry", row.program, target.program_fd("target"), row.function);
    EXPECT_ANSWER(row.answer, loaded.answer()) << loaded.log();
    if (row.log) {
        EXPECT_TRUE(loaded.said(row.log)) << loaded.log();
    }
}

constexpr LoadRow rows[] = {
    {"fentry_of_the_main_function", "enter_xdp", "xdp_target", "target", 0, nullptr},
    {"fexit_of_the_main_function", "leave_xdp", "xdp_target", "target", 0, nullptr},
    {"fentry_of_a_tc_program", "enter_skb", "tc_target", "target", 0, nullptr},
    {"fexit_of_a_tc_program", "leave_skb", "tc_target", "target", 0, nullptr},
    {"fentry_of_a_global_function", "enter_x", "xdp_target", "get_x", 0, nullptr},
    {"fexit_of_a_global_function", "leave_x", "xdp_target", "get_x", 0, nullptr},
    {"fentry_of_a_static_function", "enter_x", "xdp_target", "get_static", 0, nullptr},
    {"fexit_of_a_static_function", "leave_x", "xdp_target", "get_static", 0, nullptr},
    {"fentry_of_a_function_with_the_context", "enter_xdp", "xdp_target", "get_ctx", 0, nullptr},
    {"fexit_where_btf_is_unreliable", "leave_raw", "xdp_target", "get_static_pointer", 0, nullptr},
    {"behind_the_result_where_btf_is_unreliable", "leave_raw_too_far", "xdp_target", "get_static_pointer", -EACCES,
     "func 'get_static_pointer' doesn't have 7-th argument"},
    {"a_number_taken_for_the_context", "enter_xdp", "xdp_target", "get_x", -EACCES, "R6 invalid mem access 'scalar'"},
    {"an_xdp_program_taken_for_one_of_tc", "enter_skb", "xdp_target", "target", -EACCES, nullptr},
    {"helpers_before", "ask_before", "xdp_target", "get_x", 0, nullptr},
    {"helpers_after", "ask_after", "xdp_target", "get_x", 0, nullptr},
    {"a_result_that_may_not_be_0", "enter_with_inner", "xdp_target", "get_x", -EINVAL,
     "At program exit the register R0 has smin=1 smax=1 should have been in [0, 0]"},
    {"fmod_ret_of_the_main_function", "modify_x", "tc_target", "target", -EINVAL, "can't modify return codes of BPF programs"},
    {"fmod_ret", "modify_x", "xdp_target", "get_x", -EINVAL, "can't modify return codes of BPF programs"},
    {"no_such_function", "enter_x", "xdp_target", "nothing", -ENOENT, nullptr},
};
INSTANTIATE_TEST_SUITE_P(Of, FentryLoad, testing::ValuesIn(rows), row_name);

// --- of extensions and of each other --------------------------------------------------------------------

class FentryNested : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(0, target.load()); }
    int target_fd() { return target.program_fd("target"); }
    ObjectFile target{"xdp_target"};
};

TEST_F(FentryNested, OnAnExtension) {
    LoadedFor extension("extension", "new_x", target_fd(), "get_x");
    ASSERT_ANSWER(0, extension.answer()) << extension.log();
    EXPECT_ANSWER(0, LoadedFor("fentry", "enter_x", extension.fd(), "new_x").answer());
    EXPECT_ANSWER(0, LoadedFor("fentry", "leave_x", extension.fd(), "new_x").answer());
}
TEST_F(FentryNested, OnAnExtensionTheContextIsThatOfWhatItExtends) {
    LoadedFor extension("extension", "new_ctx", target_fd(), "get_ctx");
    ASSERT_ANSWER(0, extension.answer()) << extension.log();
    LoadedFor entry("fentry", "enter_xdp", extension.fd(), "new_ctx");
    EXPECT_ANSWER(0, entry.answer()) << entry.log();
}
TEST_F(FentryNested, FmodRetOfAnExtensionIsEinval) {
    LoadedFor extension("extension", "new_x", target_fd(), "get_x");
    LoadedFor modify("fentry", "modify_x", extension.fd(), "new_x");
    EXPECT_ANSWER(-EINVAL, modify.answer());
    EXPECT_TRUE(modify.said("can't modify return codes of BPF programs")) << modify.log();
}
TEST_F(FentryNested, OnceOnAnotherAndNoFurther) {
    LoadedFor first("fentry", "enter_x", target_fd(), "get_x");
    LoadedFor second("fentry", "leave_raw", first.fd(), "enter_x");
    ASSERT_ANSWER(0, second.answer()) << second.log();
    LoadedFor third("fentry", "leave_raw", second.fd(), "leave_raw");
    EXPECT_ANSWER(-EINVAL, third.answer());
    EXPECT_TRUE(third.said("Cannot nest tracing program attach more than once")) << third.log();
}
TEST_F(FentryNested, AnExtensionOfOneIsEinval) {
    LoadedFor entry("fentry", "enter_x", target_fd(), "get_x");
    LoadedFor extension("extension", "new_x", entry.fd(), "enter_x");
    EXPECT_ANSWER(-EINVAL, extension.answer());
    EXPECT_TRUE(extension.said("Cannot replace static functions")) << extension.log();
}
TEST_F(FentryNested, AFentryOfAnExtensionIsNotExtended) {
    LoadedFor extension("extension", "new_x", target_fd(), "get_x");
    LoadedFor entry("fentry", "enter_x", extension.fd(), "new_x");
    LoadedFor again("extension", "newer_x", entry.fd(), "enter_x");
    EXPECT_ANSWER(-EINVAL, again.answer());
    EXPECT_TRUE(again.said("Cannot replace static functions")) << again.log();
}
TEST_F(FentryNested, AnExtensionOfItsFunctionIsEinval) {
    LoadedFor entry("fentry", "calls_inner", target_fd(), "get_x");
    ASSERT_ANSWER(0, entry.answer()) << entry.log();
    LoadedFor extension("extension", "new_x", entry.fd(), "inner");
    EXPECT_ANSWER(-EINVAL, extension.answer());
    EXPECT_TRUE(extension.said("Cannot extend fentry/fexit")) << extension.log();
}
TEST_F(FentryNested, OnItsFunction) {
    LoadedFor entry("fentry", "calls_inner", target_fd(), "get_x");
    LoadedFor inner("fentry", "leave_x", entry.fd(), "inner");
    EXPECT_ANSWER(0, inner.answer()) << inner.log();
}

// --- what the kernel tells of one ---------------------------------------------------------------------------

TEST_F(FentryNested, InfoNamesTheTargetsBtf) {
    LoadedFor entry("fentry", "enter_x", target_fd(), "get_x");
    bpf_prog_info info = prog_info(entry.fd());
    EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_TRACING), info.type);
    EXPECT_EQ(prog_info(target_fd()).btf_id, info.attach_btf_obj_id);
    EXPECT_EQ(function_id(target_fd(), "get_x"), info.attach_btf_id);
    EXPECT_EQ(1U, info.nr_func_info);
}
TEST_F(FentryNested, InstructionsAreShownAsTheyWereGiven) {
    LoadedFor entry("fentry", "enter_xdp", target_fd(), "target");
    std::vector<bpf_insn> shown(prog_info(entry.fd()).xlated_prog_len / sizeof(bpf_insn));
    ASSERT_FALSE(shown.empty());
    bpf_prog_info info{};
    info.xlated_prog_len = static_cast<uint32_t>(shown.size() * sizeof(bpf_insn));
    info.xlated_prog_insns = pointer(shown.data());
    Attr attr;
    attr->info.bpf_fd = static_cast<uint32_t>(entry.fd());
    attr->info.info = pointer(&info);
    attr->info.info_len = sizeof info;
    ASSERT_ANSWER(0, attr.call(BPF_OBJ_GET_INFO_BY_FD));
    for (const bpf_insn& insn : shown) {
        if (BPF_CLASS(insn.code) == BPF_LDX) {
            EXPECT_EQ(BPF_MEM, BPF_MODE(insn.code));
        }
    }
}
TEST_F(FentryNested, ATestRunRunsNothingOfIt) {
    LoadedFor entry("fentry", "enter_x", target_fd(), "get_x");
    Attr attr;
    attr->test.prog_fd = static_cast<uint32_t>(entry.fd());
    attr->test.data_size_out = 7;
    EXPECT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
    EXPECT_EQ(0U, attr->test.retval);
    EXPECT_EQ(7U, attr->test.data_size_out);
    EXPECT_EQ("", take_trace(entry.map_fd("trace")));
    attr->test.cpu = 1;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_TEST_RUN));
}

// --- tail calls among them ----------------------------------------------------------------------------------

class FentryTailCall : public FentryNested {
protected:
    FentryTailCall() {
        Attr create;
        create->map_type = BPF_MAP_TYPE_PROG_ARRAY;
        create->key_size = create->value_size = 4;
        create->max_entries = 1;
        array = Fd(create.call(BPF_MAP_CREATE));
    }
    std::string put(int program) {
        uint32_t key = 0, value = static_cast<uint32_t>(program);
        Attr update;
        update->map_fd = array.u();
        update->key = pointer(&key);
        update->value = pointer(&value);
        return name_of(update.call(BPF_MAP_UPDATE_ELEM));
    }
    std::string put(const char* program, const char* function) {
        LoadedFor loaded("fentry", program, target_fd(), function);
        if (loaded.answer() != 0) return "not loaded: " + loaded.log();
        return put(loaded.fd());
    }
    Fd array;
};

TEST_F(FentryTailCall, OneMayBeCalled) { EXPECT_EQ("0", put("enter_x", "get_x")); }
TEST_F(FentryTailCall, OfOneFunctionAllMayBe) {
    EXPECT_EQ("0", put("enter_x", "get_x"));
    EXPECT_EQ("0", put("enter_x_too", "get_x"));
}
TEST_F(FentryTailCall, OfAnotherPrototypeIsEinval) {
    EXPECT_EQ("0", put("enter_x", "get_x"));
    EXPECT_EQ("-EINVAL", put("enter_xdp", "get_ctx"));
}
TEST_F(FentryTailCall, OfAnotherKindIsEinval) {
    EXPECT_EQ("0", put("enter_x", "get_x"));
    EXPECT_EQ("-EINVAL", put("leave_x", "get_x"));
    EXPECT_EQ("-EINVAL", put(target_fd()));
}
TEST_F(FentryTailCall, BesideOneThatReliesOnNoPrototypeIsEinval) {
    EXPECT_EQ("0", put("leave_raw", "get_static_pointer"));
    EXPECT_EQ("-EINVAL", put("leave_x", "get_x"));
}

// --- by hand: what only an attr can say --------------------------------------------------------------------------

class FentryAttr : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, target.load());
        attr = program_attr(BPF_PROG_TYPE_TRACING, code);
        attr->expected_attach_type = BPF_TRACE_FENTRY;
        attr->attach_prog_fd = static_cast<uint32_t>(target.program_fd("target"));
        attr->attach_btf_id = function_id(target.program_fd("target"), "get_x");
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
    }
    // The answer, with the log's last line but the statistics ("-EINVAL Cannot ...").
    std::string answer() {
        log[0] = '\0';
        Fd program(attr.call(BPF_PROG_LOAD));
        std::string text = log.c_str();
        text = text.substr(0, text.find("processed "));
        while (!text.empty() && text.back() == '\n') text.pop_back();
        text = text.substr(text.rfind('\n') + 1);
        return (program.ok() ? "ok" : name_of(program.error())) + (text.empty() ? "" : " ") + text;
    }
    ObjectFile target{"xdp_target"};
    Program code{mov(r0, 0), exit()};
    Attr attr;
    std::string log = std::string(65536, '\0');
};

TEST_F(FentryAttr, NeedsNoBtfOfItsOwn) { EXPECT_EQ("ok", answer()); }
TEST_F(FentryAttr, WithoutFunctionIsEinval) {
    attr->attach_btf_id = 0;
    EXPECT_EQ("-EINVAL Tracing programs must provide btf_id", answer());
}
TEST_F(FentryAttr, WithoutTargetAndFunctionIsEinval) {
    attr->attach_prog_fd = attr->attach_btf_id = 0;
    EXPECT_EQ("-EINVAL Tracing programs must provide btf_id", answer());
}
TEST_F(FentryAttr, FunctionOutOfRangeIsEinval) {
    attr->attach_btf_id = 9999;
    EXPECT_EQ("-EINVAL attach_btf_id 9999 is invalid", answer());
}
TEST_F(FentryAttr, FunctionThatIsNoFunctionIsEinval) {
    attr->attach_btf_id = 1;
    EXPECT_EQ("-EINVAL Subprog  doesn't exist", answer());
}
TEST_F(FentryAttr, TargetThatIsNotOpenIsEinval) {
    attr->attach_prog_fd = 4095;
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FentryAttr, TargetThatIsAMapIsEinval) {
    attr->attach_prog_fd = static_cast<uint32_t>(target.map_fd("trace"));
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FentryAttr, TargetWithoutBtfIsEinval) {
    Fd plain(prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()}));
    attr->attach_prog_fd = plain.u();
    EXPECT_EQ("-EINVAL FENTRY/FEXIT program can only be attached to another program annotated with BTF", answer());
}
TEST_F(FentryAttr, OtherAttachTypes) {
    attr->expected_attach_type = BPF_MODIFY_RETURN;
    EXPECT_EQ("-EINVAL can't modify return codes of BPF programs", answer());
    attr->expected_attach_type = BPF_TRACE_RAW_TP;
    EXPECT_EQ("-EINVAL Only FENTRY/FEXIT progs are attachable to another BPF prog", answer());
    for (uint32_t type : {BPF_CGROUP_INET_INGRESS, BPF_XDP}) {
        attr->expected_attach_type = type;
        EXPECT_EQ("-EINVAL", answer()) << type;
    }
    attr->expected_attach_type = 9999;
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FentryAttr, ARawTracepointOfTheKernelIsATypedef) {
    attr->attach_prog_fd = 0;
    attr->attach_btf_id = 1;
    attr->expected_attach_type = BPF_TRACE_RAW_TP;
    EXPECT_EQ("-EINVAL attach_btf_id 1 is not a typedef", answer());
}
TEST_F(FentryAttr, SleepableIsEinval) {
    attr->prog_flags = BPF_F_SLEEPABLE;
    EXPECT_EQ("-EINVAL get_x is not sleepable", answer());
}
TEST_F(FentryAttr, SleepableOfAnotherAttachTypeIsEinval) {
    attr->prog_flags = BPF_F_SLEEPABLE;
    for (uint32_t type : {BPF_TRACE_RAW_TP, BPF_XDP, BPF_CGROUP_INET_INGRESS}) {
        attr->expected_attach_type = type;
        EXPECT_EQ("-EINVAL Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable", answer()) << type;
    }
    attr->expected_attach_type = BPF_MODIFY_RETURN;
    EXPECT_EQ("-EINVAL get_x is not sleepable", answer());
}
// A global function may return a number of any size; fentry does not look at it.
TEST_F(FentryAttr, FexitOfAResultOfMoreThanEightBytesIsEopnotsupp) {
    BtfBuilder types;
    const uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED), large = types.integer("__int128", 16, BTF_INT_SIGNED);
    const uint32_t md = types.type("", BTF_KIND_PTR, 0, types.structure("xdp_md", 4, {{"a", integer}}, 32));
    bpf_func_info functions[] = {{0, types.function("top", types.prototype(integer, {{"ctx", md}}), BTF_FUNC_GLOBAL)},
                                 {3, types.function("large", types.prototype(large, {{"v", integer}}), BTF_FUNC_GLOBAL)}};
    const Fd btf(types.load());
    const Program calls{mov(r1, 1), raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1), exit(), mov(r0, 0), exit()};
    Attr load = program_attr(BPF_PROG_TYPE_XDP, calls);
    load->prog_btf_fd = btf.u();
    load->func_info = pointer(functions);
    load->func_info_cnt = 2;
    load->func_info_rec_size = sizeof functions[0];
    const Fd returns_much(load.call(BPF_PROG_LOAD));
    ASSERT_ANSWER(0, returns_much.error());
    attr->attach_prog_fd = returns_much.u();
    attr->attach_btf_id = functions[1].type_id;
    EXPECT_EQ("ok", answer());
    attr->expected_attach_type = BPF_TRACE_FEXIT;
    EXPECT_EQ("-EOPNOTSUPP Attach to function large with a >8 byte return value is not supported for this attach type", answer());
}
TEST_F(FentryAttr, ALoadedOneKeepsItsTargetAlive) {
    Fd program(attr.call(BPF_PROG_LOAD));
    ASSERT_TRUE(program.ok()) << log.c_str();
    uint32_t id = prog_info(target.program_fd("target")).id;
    target = ObjectFile("xdp_target");  // closes it
    Attr by_id;
    by_id->prog_id = id;
    EXPECT_ANSWER(0, Fd(by_id.call(BPF_PROG_GET_FD_BY_ID)).error());
}

}  // namespace
}  // namespace test
