// Exceptions: where bpf_throw may stand, what catches it, what the program returns then; extensions and traces around it.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

// One program of exceptions.bpf.c, or of exception_traces.bpf.c for a function of another program.
class Loaded {
public:
    explicit Loaded(const std::string& name, const char* file = "exceptions") : file_(file), name_(name) {}
    Loaded(const std::string& name, const Loaded& target, const char* function) : Loaded(name, "exception_traces") {
        bpf_program__set_attach_target(file_.program(name_.c_str()), target.fd(), function);
    }
    int answer() {
        bpf_program* each;
        bpf_object__for_each_program(each, file_.get()) bpf_program__set_autoload(each, name_ == bpf_program__name(each));
        bpf_program* const program = file_.program(name_.c_str());
        log_.assign(1 << 16, '\0');
        bpf_program__set_log_buf(program, log_.data(), log_.size());
        bpf_program__set_log_level(program, 1);
        const int error = file_.load();
        log_.resize(log_.find('\0'));
        return error;
    }
    [[nodiscard]] const std::string& log() const { return log_; }
    [[nodiscard]] int fd() const { return file_.program_fd(name_.c_str()); }
    uint64_t number(const char* map, uint32_t index) {
        uint64_t value = 0;
        EXPECT_EQ(0, bpf_map_lookup_elem(file_.map_fd(map), &index, &value));
        return value;
    }
    // With a packet that starts with that byte.
    [[nodiscard]] uint32_t run(uint8_t byte) const {
        const uint8_t packet[64] = {byte};
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof packet);
        EXPECT_EQ(0, bpf_prog_test_run_opts(fd(), &options));
        return options.retval;
    }

private:
    mutable ObjectFile file_;
    std::string name_;
    std::string log_;
};

// --- what a program that throws returns --------------------------------------------------------------------------

TEST(Exception, OfTheMainFunctionReturnsTheCookie) {
    Loaded program("in_main");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(1U, program.run(0));
    EXPECT_EQ(40U, program.run(1));
}
TEST(Exception, OfAStaticFunctionEndsTheProgram) {
    Loaded program("in_static");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(6U, program.run(0));
    EXPECT_EQ(41U, program.run(1));
    EXPECT_EQ(1U, program.number("counts", 0)) << "what stands behind the call runs only without";
}
TEST(Exception, PassesThroughAGlobalFunction) {
    Loaded program("in_a_function_of_a_global_one");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(7U, program.run(0));
    EXPECT_EQ(41U, program.run(1));
    EXPECT_EQ(1U, program.number("counts", 0));
    EXPECT_EQ(1U, program.number("counts", 1));
}
TEST(Exception, ACallbackMakesTheResultOfTheCookie) {
    Loaded program("caught");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(1U, program.run(0));
    EXPECT_EQ(0U, program.number("counts", 0));
    EXPECT_EQ(142U, program.run(1));
    EXPECT_EQ(1U, program.number("counts", 0));
}
TEST(Exception, ACallbackCatchesFromBelow) {
    Loaded program("caught_from_below");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(7U, program.run(0));
    EXPECT_EQ(141U, program.run(1));
    EXPECT_EQ(143U, program.run(2));
}
TEST(Exception, ACallbackMayReturnALong) {
    Loaded program("callback_of_long");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(8U, program.run(1));
}
TEST(Exception, WhatCatchesByDefaultIsNoFunctionOfTheProgram) {
    Loaded program("in_main");
    ASSERT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(1U, prog_info(program.fd()).nr_jited_ksyms);
    EXPECT_EQ(1U, prog_info(program.fd()).nr_func_info);
}

// --- what is refused ---------------------------------------------------------------------------------------------

struct Refusal {
    const char* program;
    int error;
    const char* line;
};
class RefusedException : public testing::TestWithParam<Refusal> {};
TEST_P(RefusedException, SaysWhy) {
    Loaded program(GetParam().program);
    EXPECT_ANSWER(GetParam().error, program.answer());
    EXPECT_NE(std::string::npos, program.log().find(GetParam().line)) << program.log();
}
INSTANTIATE_TEST_SUITE_P(
    , RefusedException,
    testing::Values(
        Refusal{"callback_throws", -EINVAL, "bpf_throw kfunc (insn 10) cannot be called from callback subprog 1\n"},
        Refusal{"callback_is_static", -EINVAL, "exception callback 'static_callback' must have global linkage\n"},
        Refusal{"callback_is_missing", -ENOENT, "exception callback 'nowhere' could not be found in BTF\n"},
        Refusal{"callback_of_two", -EINVAL, "exception cb only supports single integer argument\n"},
        Refusal{"callback_of_pointer", -EINVAL, "exception cb only supports single integer argument\n"},
        Refusal{"callback_of_nothing", -EINVAL, "Global function of_nothing() doesn't return scalar. Only those are supported.\n"},
        Refusal{"two_callbacks", -EEXIST, "multiple exception callback tags for main subprog\n"},
        Refusal{"calls_its_callback", -EINVAL, "insn 3 cannot call exception cb directly\n"},
        Refusal{"in_a_loop", -EINVAL, "bpf_throw kfunc (insn 9) cannot be called from callback subprog 1\n"},
        Refusal{"in_a_timer", -EINVAL, "bpf_throw kfunc (insn 22) cannot be called from callback subprog 1\n"},
        Refusal{"under_a_lock", -EINVAL, "function calls are not allowed while holding a lock\n"},
        Refusal{"called_under_a_lock", -EINVAL, "function calls are not allowed while holding a lock\n"},
        Refusal{"with_a_reference", -EINVAL, "Unreleased reference id=2 alloc_insn=4\n"},
        Refusal{"called_with_a_reference", -EINVAL, "Unreleased reference id=2 alloc_insn=4\n"},
        Refusal{"out_of_range", -EINVAL, "At program exit the register R1 has smin=64 smax=64 should have been in [0, 3]\n"},
        Refusal{"any_number", -EINVAL, "At program exit the register R1 has smin=0 smax=4294967295 should have been in [0, 3]\n"},
        Refusal{"callback_out_of_range", -EINVAL, "At program exit the register R0 has smin=64 smax=64 should have been in [0, 3]\n"},
        Refusal{"with_a_pointer", -EINVAL, "R1 is not a scalar\n"}),
    [](const testing::TestParamInfo<Refusal>& refusal) { return std::string(refusal.param.program); });

TEST(Exception, ACookieInTheProgramsRangeIsAccepted) {
    for (const char* name : {"in_range", "callback_in_range"}) {
        Loaded program(name);
        EXPECT_EQ(0, program.answer()) << program.log();
    }
}
// Whoever calls a global function is not asked what that may throw away.
TEST(Exception, OfAGlobalFunctionWhileTheCallerHoldsAReferenceIsAccepted) {
    Loaded program("global_called_with_a_reference");
    EXPECT_EQ(0, program.answer()) << program.log();
    EXPECT_EQ(1U, program.run(1));
}

// --- extensions and traces ---------------------------------------------------------------------------------------

class ExceptionAndLink : public testing::Test {
protected:
    static Fd attach(const Loaded& program, bpf_attach_type type) {
        LIBBPF_OPTS(bpf_link_create_opts, options);
        return Fd(bpf_link_create(program.fd(), 0, type, &options));
    }
};

TEST_F(ExceptionAndLink, ThatOfAnExtensionEndsTheExtensionOnly) {
    Loaded target("in_a_function_of_a_global_one");
    ASSERT_EQ(0, target.answer()) << target.log();
    Loaded extension("throwing_extension", target, "throws_too");
    ASSERT_EQ(0, extension.answer()) << extension.log();
    const Fd link = attach(extension, static_cast<bpf_attach_type>(0));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(51U, target.run(1));
    EXPECT_EQ(1U, target.number("counts", 0));
}
TEST_F(ExceptionAndLink, NothingAttachesToWhatCatches) {
    Loaded target("caught");
    ASSERT_EQ(0, target.answer()) << target.log();
    Loaded extension("quiet_extension", target, "plus_100");
    EXPECT_ANSWER(-EINVAL, extension.answer());
    EXPECT_NE(std::string::npos, extension.log().find("Extension programs cannot attach to exception callback\n")) << extension.log();
    Loaded trace("before", target, "plus_100");
    EXPECT_ANSWER(-EINVAL, trace.answer());
    EXPECT_NE(std::string::npos, trace.log().find("FENTRY/FEXIT programs cannot attach to exception callback\n")) << trace.log();
}
TEST_F(ExceptionAndLink, FexitOnTheMainFunctionSeesWhatTheProgramReturns) {
    Loaded target("in_static");
    ASSERT_EQ(0, target.answer()) << target.log();
    Loaded trace("after", target, "in_static");
    ASSERT_EQ(0, trace.answer()) << trace.log();
    const Fd link = attach(trace, BPF_TRACE_FEXIT);
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(41U, target.run(1));
    EXPECT_EQ(2U, trace.number("seen", 0));
    EXPECT_EQ(41U, trace.number("seen", 1));
}

}  // namespace
}  // namespace test
