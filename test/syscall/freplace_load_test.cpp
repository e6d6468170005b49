// Loading a freplace program (BPF_PROG_TYPE_EXT): which function of which program it may be written for.
#include <gtest/gtest.h>

#include <ostream>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/btf_builder.h"
#include "support/programs.h"
#include "support/rows.h"

namespace test {
namespace {

// --- through libbpf: a program of extension.bpf.c for a function of a target --------------

struct LoadRow {
    const char* name;
    const char* program;   // of extension.bpf.c
    const char* target;    // an object file
    const char* function;  // of it
    long answer;
    const char* log;  // a line of the verifier's log; null: none asked
};
void PrintTo(const LoadRow& row, std::ostream* out) { *out << row.name; }

class FreplaceLoad : public testing::TestWithParam<LoadRow> {};

TEST_P(FreplaceLoad, Answers) {
    const LoadRow& row = GetParam();
    ObjectFile target(row.target);
    ASSERT_EQ(0, target.load());
    Extension loaded(row.program, target.program_fd("target"), row.function);
    EXPECT_ANSWER(row.answer, loaded.answer()) << loaded.log();
    if (row.log) {
        EXPECT_TRUE(loaded.said(row.log)) << loaded.log();
    }
}

constexpr LoadRow rows[] = {
    {"same_prototype", "new_x", "xdp_target", "get_x", 0, nullptr},
    {"function_of_another_name", "new_x", "xdp_target", "get_y", 0, nullptr},
    {"on_a_program_of_another_type", "new_x", "tc_target", "get_x", 0, nullptr},
    {"more_arguments", "two_arguments", "xdp_target", "get_x", -EINVAL, "two_arguments() has 2 args while get_x() has 1 args"},
    {"fewer_arguments", "no_argument", "xdp_target", "get_x", -EINVAL, "no_argument() has 0 args while get_x() has 1 args"},
    {"wider_argument", "long_argument", "xdp_target", "get_x", -EINVAL, "arg0 in long_argument() has size 8 while get_x() has 4"},
    {"unsigned_argument", "unsigned_argument", "xdp_target", "get_x", 0, nullptr},
    {"narrower_argument", "char_argument", "xdp_target", "get_x", -EINVAL, "arg0 in char_argument() has size 1 while get_x() has 4"},
    {"enum_argument", "enum_argument", "xdp_target", "get_x", -EINVAL, "arg0 in enum_argument() is ENUM while get_x() has INT"},
    {"pointer_argument", "pointer_argument", "xdp_target", "get_x", -EINVAL, "arg0 in pointer_argument() is PTR while get_x() has INT"},
    {"wider_result", "long_result", "xdp_target", "get_x", 0, nullptr},
    {"unsigned_result", "unsigned_result", "xdp_target", "get_x", 0, nullptr},
    {"narrower_result", "char_result", "xdp_target", "get_x", 0, nullptr},
    {"no_result", "void_result", "xdp_target", "get_x", -EINVAL, "Return type UNKNOWN of void_result() doesn't match type INT of get_x()"},
    {"typedef_argument", "typedef_argument", "xdp_target", "get_x", 0, nullptr},
    {"static_function", "new_x", "xdp_target", "get_static", -EINVAL, "get_static() is not a global function"},
    {"static_function_with_unreliable_btf", "new_x", "xdp_target", "get_static_pointer", -EINVAL, "Cannot replace static functions"},
    {"main_program", "new_target", "xdp_target", "target", 0, nullptr},
    {"main_program_context_of_another_type", "skb_target", "xdp_target", "target", -EINVAL,
     "arg0 skb_target(struct __sk_buff *) doesn't match target(struct xdp_md *)"},
    {"main_program_context_untyped", "void_target", "xdp_target", "target", -EINVAL, "arg0 in void_target() is not a pointer to context"},
    {"main_program_of_tc", "skb_target", "tc_target", "target", 0, nullptr},
    {"main_program_of_tc_context_of_another_type", "new_target", "tc_target", "target", -EINVAL,
     "arg0 new_target(struct xdp_md *) doesn't match target(struct __sk_buff *)"},
    {"main_program_of_tc_context_untyped", "void_target", "tc_target", "target", -EINVAL,
     "arg0 in void_target() is not a pointer to context"},
    {"context_function", "new_ctx", "xdp_target", "get_ctx", 0, nullptr},
    {"context_function_untyped", "void_ctx", "xdp_target", "get_ctx", -EINVAL, "arg0 in void_ctx() is not a pointer to context"},
    {"context_function_of_another_type", "new_ctx", "tc_target", "get_ctx", -EINVAL,
     "arg0 new_ctx(struct xdp_md *) doesn't match get_ctx(struct __sk_buff *)"},
    {"context_function_of_tc", "new_skb_ctx", "tc_target", "get_ctx", 0, nullptr},
    {"context_function_of_tc_untyped", "void_ctx", "tc_target", "get_ctx", -EINVAL, "arg0 in void_ctx() is not a pointer to context"},
    {"changes_the_packet_where_the_function_does_not", "adjusting_ctx", "xdp_target", "get_ctx", -EINVAL,
     "Extension program changes packet data, while original does not"},
    {"changes_the_packet_where_the_function_does", "adjusting_ctx", "xdp_changing", "get_ctx", 0, nullptr},
    {"leaves_the_packet_where_the_function_changes_it", "new_ctx", "xdp_changing", "get_ctx", 0, nullptr},
    {"changes_the_packet_where_the_tc_function_does_not", "pulling_skb_ctx", "tc_target", "get_ctx", -EINVAL,
     "Extension program changes packet data, while original does not"},
    {"changes_the_packet_by_a_helper_of_another_program_type", "adjusting_skb_target", "tc_target", "target", -EINVAL,
     "Extension program changes packet data, while original does not"},
    {"helper_of_another_program_type", "buff_len_skb_target", "tc_target", "target", -EINVAL,
     "program of this type cannot use helper bpf_xdp_get_buff_len#188"},
    {"with_a_global_function_of_its_own", "calls_inner", "xdp_target", "get_y", 0, nullptr},
};
INSTANTIATE_TEST_SUITE_P(Of, FreplaceLoad, testing::ValuesIn(rows), row_name);

TEST(FreplaceOfFreplace, IsRefused) {
    Target target("xdp_target");
    Extension extension("new_x", target.fd(), "get_x");
    Extension again("newer_x", extension.fd(), "new_x");
    EXPECT_ANSWER(-EINVAL, again.answer());
    EXPECT_TRUE(again.said("Cannot recursively attach")) << again.log();
}
TEST(FreplaceOfFreplace, IsRefusedForItsFunctions) {
    Target target("xdp_target");
    Extension extension("calls_inner", target.fd(), "get_y");
    Extension again("new_x", extension.fd(), "inner");
    EXPECT_ANSWER(-EINVAL, again.answer());
    EXPECT_TRUE(again.said("Cannot recursively attach")) << again.log();
}

// --- by hand: what only an attr can say ------------------------------------------------------

class FreplaceAttr : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, target.load());
        target_fd = static_cast<uint32_t>(target.program_fd("target"));
        uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED);
        uint32_t prototype = types.prototype(integer, {{"v", integer}});
        function = types.function("by_hand", prototype, BTF_FUNC_GLOBAL);
        btf = Fd(types.load());
        ASSERT_TRUE(btf.ok());
        func_info = {0, function};
        attr = program_attr(BPF_PROG_TYPE_EXT, code);
        attr->prog_btf_fd = btf.u();
        attr->func_info = pointer(&func_info);
        attr->func_info_cnt = 1;
        attr->func_info_rec_size = sizeof func_info;
        attr->attach_prog_fd = target_fd;
        attr->attach_btf_id = function_id(target.program_fd("target"), "get_x");
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
    }
    // The answer, with the log's last line but the statistics ("-EINVAL Cannot ...").
    std::string answer() {
        Fd program(attr.call(BPF_PROG_LOAD));
        std::string text = log.c_str();
        text = text.substr(0, text.find("processed "));
        while (!text.empty() && text.back() == '\n') text.pop_back();
        text = text.substr(text.rfind('\n') + 1);
        return name_of(program.error()) + (text.empty() ? "" : " ") + text;
    }
    ObjectFile target{"xdp_target"};
    uint32_t target_fd = 0, function = 0;
    BtfBuilder types;
    Fd btf;
    bpf_func_info func_info{};
    Program code{mov(r0, r1), exit()};
    Attr attr;
    std::string log = std::string(65536, '\0');
};

TEST_F(FreplaceAttr, WithAllItNeedsLoads) {
    Fd program(attr.call(BPF_PROG_LOAD));
    EXPECT_ANSWER(0, program.error()) << log.c_str();
}
TEST_F(FreplaceAttr, WithoutTargetAndFunctionIsEinval) {
    attr->attach_prog_fd = attr->attach_btf_id = 0;
    EXPECT_EQ("-EINVAL Tracing programs must provide btf_id", answer());
}
TEST_F(FreplaceAttr, WithoutFunctionIsEinval) {
    attr->attach_btf_id = 0;
    EXPECT_EQ("-EINVAL Tracing programs must provide btf_id", answer());
}
TEST_F(FreplaceAttr, WithoutTargetIsEinval) {
    attr->attach_prog_fd = 0;
    EXPECT_EQ("-EINVAL Cannot replace kernel functions", answer());
}
TEST_F(FreplaceAttr, FunctionOutOfRangeIsEinval) {
    attr->attach_btf_id = 9999;
    EXPECT_EQ("-EINVAL attach_btf_id 9999 is invalid", answer());
}
TEST_F(FreplaceAttr, FunctionThatIsNoFunctionIsEinval) {
    attr->attach_btf_id = 1;
    EXPECT_EQ("-EINVAL Subprog  doesn't exist", answer());
}
TEST_F(FreplaceAttr, TargetThatIsNotOpenIsEinval) {
    attr->attach_prog_fd = 4095;
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FreplaceAttr, TargetThatIsAMapIsEinval) {
    attr->attach_prog_fd = static_cast<uint32_t>(target.map_fd("trace"));
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FreplaceAttr, TargetThatIsAProgramsBtfIsEnotsupp) {
    attr->attach_btf_obj_fd = btf.u();
    EXPECT_EQ("-ENOTSUPP", answer());
}
TEST_F(FreplaceAttr, WithoutBtfOfItsOwnIsEinval) {
    attr->prog_btf_fd = attr->func_info_cnt = 0;
    attr->func_info = 0;
    EXPECT_EQ("-EINVAL Program extension requires BTF", answer());
}
TEST_F(FreplaceAttr, WithAnExpectedAttachTypeIsEinval) {
    attr->expected_attach_type = BPF_TRACE_FENTRY;
    EXPECT_EQ("-EINVAL", answer());
}
TEST_F(FreplaceAttr, SleepableIsEinval) {
    attr->prog_flags = BPF_F_SLEEPABLE;
    EXPECT_EQ("-EINVAL Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable", answer());
}
TEST_F(FreplaceAttr, TargetWithoutBtfIsEinval) {
    Fd plain(prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()}));
    attr->attach_prog_fd = plain.u();
    EXPECT_EQ("-EINVAL FENTRY/FEXIT program can only be attached to another program annotated with BTF", answer());
}
TEST_F(FreplaceAttr, ATargetOfAProgramThatExtendsNothingIsEinval) {
    for (uint32_t type : {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER}) {
        attr->prog_type = type;
        EXPECT_EQ("-EINVAL", answer()) << type;
    }
}
TEST_F(FreplaceAttr, AFunctionIdOfAProgramThatExtendsNothingIsEinval) {
    attr->prog_type = BPF_PROG_TYPE_XDP;
    attr->attach_prog_fd = 0;
    EXPECT_EQ("-EINVAL", answer());
}

TEST_F(FreplaceAttr, InfoNamesTheTargetsBtfUntilTheFirstAttach) {
    Fd program(attr.call(BPF_PROG_LOAD));
    ASSERT_TRUE(program.ok()) << log.c_str();
    bpf_prog_info info = prog_info(program.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_PROG_TYPE_EXT), info.type);
    EXPECT_EQ(prog_info(target.program_fd("target")).btf_id, info.attach_btf_obj_id);
    EXPECT_EQ(attr->attach_btf_id, info.attach_btf_id);
    EXPECT_EQ(1U, info.nr_func_info);
}
TEST_F(FreplaceAttr, ALoadedExtensionKeepsItsTargetAlive) {
    Fd program(attr.call(BPF_PROG_LOAD));
    ASSERT_TRUE(program.ok()) << log.c_str();
    uint32_t id = prog_info(target.program_fd("target")).id;
    target = ObjectFile("xdp_target");  // closes it
    Attr by_id;
    by_id->prog_id = id;
    EXPECT_ANSWER(0, Fd(by_id.call(BPF_PROG_GET_FD_BY_ID)).error());
}

TEST(GlobalFunction, WithoutAResultIsRefused) {
    BtfBuilder types;
    uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED);
    uint32_t md = types.type("xdp_md", BTF_KIND_FWD, 0, 0);
    uint32_t context = types.type("", BTF_KIND_PTR, 0, md);
    uint32_t main_prototype = types.prototype(integer, {{"ctx", context}});
    uint32_t void_prototype = types.prototype(0, {{"ctx", context}});
    bpf_func_info infos[] = {{0, types.function("top", main_prototype, BTF_FUNC_GLOBAL)},
                             {3, types.function("get_v", void_prototype, BTF_FUNC_GLOBAL)}};
    Fd btf(types.load());
    ASSERT_TRUE(btf.ok()) << btf.error();
    Program code{raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 2), mov(r0, 2), exit(), mov(r0, 0), exit()};
    std::string log(65536, '\0');
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, code);
    attr->prog_btf_fd = btf.u();
    attr->func_info = pointer(infos);
    attr->func_info_cnt = 2;
    attr->func_info_rec_size = sizeof infos[0];
    attr->log_buf = pointer(log.data());
    attr->log_size = static_cast<uint32_t>(log.size());
    attr->log_level = 1;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_LOAD));
    EXPECT_NE(nullptr, strstr(log.c_str(),
                              "Global function get_v() doesn't return scalar. Only those are supported.\n"
                              "Caller passes invalid args into func#1 ('get_v')\n"))
        << log.c_str();
}

}  // namespace
}  // namespace test
