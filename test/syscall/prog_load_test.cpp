// BPF_PROG_LOAD: the attr, the form of the instructions, the log; and the programs of bad.bpf.c, one fault each.
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>

#include "support/assembly.h"
#include "support/btf_builder.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"
#include "support/rows.h"

namespace test {
namespace {

constexpr size_t log_true_size = 140;  // where the attr tells it; newer than the headers

const Program pass{mov(r0, XDP_PASS), exit()};

long answer(Attr attr) {
    Fd program(attr.call(BPF_PROG_LOAD));
    return program.error();
}

// --- the attr ---------------------------------------------------------------------------

TEST(ProgLoad, TwoInstructionsAreAProgram) {
    for (uint32_t type : {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER}) {
        EXPECT_ANSWER(0, answer(program_attr(type, pass))) << type;
    }
}
TEST(ProgLoad, TypesThatDoNotExistAreEinval) {
    for (uint32_t type : {0U, 33U, 1000U, UINT32_MAX}) EXPECT_ANSWER(-EINVAL, answer(program_attr(type, pass))) << type;
}
TEST(ProgLoad, NoInstructionsAreE2big) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->insn_cnt = 0;
    EXPECT_ANSWER(-E2BIG, answer(attr));
}
TEST(ProgLoad, MoreThanAMillionInstructionsAreE2big) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->insn_cnt = 1'000'001;
    EXPECT_ANSWER(-E2BIG, answer(attr));
    attr->insn_cnt = UINT32_MAX;
    EXPECT_ANSWER(-E2BIG, answer(attr));
}
TEST(ProgLoad, UnmappedInstructionsAreEfault) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->insns = 8;
    EXPECT_ANSWER(-EFAULT, answer(attr));
}
TEST(ProgLoad, TheCountIsLookedAtBeforeTheType) {
    Attr attr = program_attr(1000, pass);
    attr->insn_cnt = 0;
    EXPECT_ANSWER(-E2BIG, answer(attr));
}
TEST(ProgLoad, AnUnmappedLicenseIsEfault) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->license = 0;
    EXPECT_ANSWER(-EFAULT, answer(attr));
    attr->license = 8;
    EXPECT_ANSWER(-EFAULT, answer(attr));
}
TEST(ProgLoad, AnyLicenseIsTakenWithoutItsHelpers) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    for (const char* license : {"", "Proprietary", "GPL", "gpl", "Dual MIT/GPL"}) {
        attr->license = pointer(license);
        EXPECT_ANSWER(0, answer(attr)) << license;
    }
    std::string endless(500, 'x');
    attr->license = pointer(endless.c_str());
    EXPECT_ANSWER(0, answer(attr));
}
TEST(ProgLoad, AGplHelperNeedsACompatibleLicense) {
    Program prints{store(BPF_DW, r10, -8, 0), mov(r1, r10), add(r1, -8), mov(r2, 8), call(BPF_FUNC_trace_printk), mov(r0, 0), exit()};
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, prints);
    for (const char* license : {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}) {
        attr->license = pointer(license);
        EXPECT_ANSWER(0, answer(attr)) << license;
    }
    std::string log(4096, '\0');
    attr->log_buf = pointer(log.data());
    attr->log_size = static_cast<uint32_t>(log.size());
    attr->log_level = 1;
    for (const char* license : {"", "gpl", "MIT", "GPLv2", "GPL "}) {
        attr->license = pointer(license);
        EXPECT_ANSWER(-EINVAL, answer(attr)) << license;
        EXPECT_NE(nullptr, std::strstr(log.c_str(), "cannot call GPL-restricted function from non-GPL compatible program\n")) << log;
    }
}
TEST(ProgLoad, UnknownFlagsAreEinval) {
    for (uint32_t flags : {1U << 8, 1U << 15, 1U << 31}) {
        Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
        attr->prog_flags = flags;
        EXPECT_ANSWER(-EINVAL, answer(attr)) << flags;
    }
}
TEST(ProgLoad, FlagsThatSayHowToVerifyAreTaken) {
    constexpr uint32_t test_reg_invariants = 1U << 7;
    for (uint32_t flags : {static_cast<uint32_t>(BPF_F_STRICT_ALIGNMENT), static_cast<uint32_t>(BPF_F_ANY_ALIGNMENT),
                           static_cast<uint32_t>(BPF_F_TEST_RND_HI32), static_cast<uint32_t>(BPF_F_TEST_STATE_FREQ), test_reg_invariants,
                           static_cast<uint32_t>(BPF_F_XDP_HAS_FRAGS)}) {
        Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
        attr->prog_flags = flags;
        EXPECT_ANSWER(0, answer(attr)) << flags;
    }
}
TEST(ProgLoad, TheFlagOfFragmentsIsTakenFromAnyType) {
    Attr attr = program_attr(BPF_PROG_TYPE_SCHED_CLS, pass);
    attr->prog_flags = BPF_F_XDP_HAS_FRAGS;
    EXPECT_ANSWER(0, answer(attr));
}
TEST(ProgLoad, AnXdpProgramIsNotSleepable) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->prog_flags = BPF_F_SLEEPABLE;
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST(ProgLoad, XdpTakesAnyExpectedAttachType) {
    for (uint32_t type :
         {static_cast<uint32_t>(BPF_XDP), static_cast<uint32_t>(BPF_XDP_DEVMAP), static_cast<uint32_t>(BPF_XDP_CPUMAP), 1000U}) {
        Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
        attr->expected_attach_type = type;
        EXPECT_ANSWER(0, answer(attr)) << type;
    }
}
TEST(ProgLoad, ACgroupSockProgramNeedsAnExpectedAttachTypeOfItsOwn) {
    Program accept{mov(r0, 1), exit()};
    Attr attr = program_attr(BPF_PROG_TYPE_CGROUP_SOCK, accept);
    for (uint32_t type :
         {BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_RELEASE, BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND}) {
        attr->expected_attach_type = type;
        EXPECT_ANSWER(0, answer(attr)) << type;
    }
    attr->expected_attach_type = 0;  // stands for the first of them
    EXPECT_ANSWER(0, answer(attr));
    attr->expected_attach_type = BPF_XDP;
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST(ProgLoad, AnInterfaceThatDoesNotExistIsEinval) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->prog_ifindex = 0x7ffffff0;
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST(ProgLoad, TheKernelVersionIsIgnored) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->kern_version = 0xdeadbeef;
    EXPECT_ANSWER(0, answer(attr));
}
TEST(ProgLoad, NamesAreOfLettersDigitsUnderscoreAndDot) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    std::strcpy(attr->prog_name, "a_B.9");
    EXPECT_ANSWER(0, answer(attr));
    for (const char* name : {"a b", "a-b", "a/b", "\xc3\xa4"}) {
        std::strcpy(attr->prog_name, name);
        EXPECT_ANSWER(-EINVAL, answer(attr)) << name;
    }
    std::memset(attr->prog_name, 'a', 16);
    EXPECT_ANSWER(-EINVAL, answer(attr));
}

// --- the log ------------------------------------------------------------------------------

class Log : public testing::Test {
protected:
    // Loads `program` with a buffer of `size` bytes, of which it may write only so many.
    long load(const Program& program, uint32_t level, uint32_t size) {
        text.assign(8192, '\xee');
        attr = program_attr(BPF_PROG_TYPE_XDP, program);
        attr->log_level = level;
        attr->log_size = size;
        attr->log_buf = size ? pointer(text.data()) : 0;
        Fd fd(attr.call(BPF_PROG_LOAD));
        EXPECT_EQ('\xee', text[std::min<size_t>(size, text.size() - 1)]);
        return fd.error();
    }
    [[nodiscard]] uint32_t true_size() const { return attr.at<uint32_t>(log_true_size); }
    const Program bad{mov(r0, r7), exit()};
    Attr attr;
    std::string text;
};

TEST_F(Log, OfLevelZeroIsNotWritten) {
    attr = program_attr(BPF_PROG_TYPE_XDP, bad);
    EXPECT_ANSWER(-EACCES, answer(attr));
}
TEST_F(Log, OfARefusalEndsInZero) {
    EXPECT_ANSWER(-EACCES, load(bad, 1, 4096));
    EXPECT_NE(std::string::npos, text.find("R7 !read_ok\n"));
    EXPECT_EQ(std::strlen(text.c_str()) + 1, true_size());
}
TEST_F(Log, OfAnAcceptedProgramIsItsStatistics) {
    EXPECT_ANSWER(0, load(pass, 1, 4096));
    EXPECT_NE(std::string::npos,
              text.find("processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"));
}
TEST_F(Log, OfLevelFourIsTheStatisticsAlone) {
    EXPECT_ANSWER(0, load(pass, 4, 4096));
    EXPECT_NE(std::string::npos, text.find("processed 2 insns (limit 1000000)"));
    EXPECT_EQ(std::string::npos, text.find("R0"));
}
TEST_F(Log, OfLevelOneShowsTheWalkOfARefusal) {
    EXPECT_ANSWER(-EACCES, load(bad, 1, 4096));
    EXPECT_EQ(0U, text.rfind("0: R1=ctx() R10=fp0\n0: (bf) r0 = r7\nR7 !read_ok\nprocessed 1 insns ", 0)) << text.c_str();
}
TEST_F(Log, OfLevelOneForgetsTheWalkOfAnAcceptedProgram) {
    EXPECT_ANSWER(0, load(pass, 1, 4096));
    EXPECT_EQ(0U, text.rfind("processed 2 insns ", 0)) << text.c_str();
}
TEST_F(Log, OfLevelTwoShowsTheWalkOfAnAcceptedProgram) {
    EXPECT_ANSWER(0, load(pass, 2, 4096));
    EXPECT_EQ(
        0U,
        text.rfind("func#0 @0\n0: R1=ctx() R10=fp0\n0: (b7) r0 = 2                        ; R0_w=2\n1: (95) exit\nprocessed 2 insns ", 0))
        << text.c_str();
}
TEST_F(Log, TooLongForItsBufferKeepsItsEndWithEnospc) {
    EXPECT_ANSWER(-EACCES, load(bad, 1, 4096));
    std::string whole = text.c_str();
    uint32_t needed = true_size();
    EXPECT_ANSWER(-ENOSPC, load(bad, 1, 40));
    EXPECT_EQ(whole.substr(whole.size() - 39), text.c_str());
    EXPECT_EQ(needed, true_size());
    EXPECT_ANSWER(-ENOSPC, load(bad, 1, needed - 1));
    EXPECT_ANSWER(-EACCES, load(bad, 1, needed));
}
TEST_F(Log, TooLongForItsBufferKeepsItsBeginningAtLevelEight) {
    EXPECT_ANSWER(-EACCES, load(bad, 1, 4096));
    std::string whole = text.c_str();
    EXPECT_ANSWER(-ENOSPC, load(bad, 1 | 8, 40));
    EXPECT_EQ(whole.substr(0, 39), text.c_str());
    EXPECT_EQ(whole.size() + 1, true_size());
}
TEST_F(Log, TooLongMakesAnAcceptedProgramEnospcToo) { EXPECT_ANSWER(-ENOSPC, load(pass, 1, 10)); }
TEST_F(Log, WithoutABufferOnlyItsSizeIsTold) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->log_level = 1;
    EXPECT_ANSWER(0, Fd(attr.call(BPF_PROG_LOAD)).error());
    EXPECT_GT(true_size(), 50U);
    EXPECT_ANSWER(0, load(pass, 1, true_size()));
}
TEST_F(Log, ABufferWithoutALevelIsEinval) { EXPECT_ANSWER(-EINVAL, load(pass, 0, 4096)); }
TEST_F(Log, ABufferWithoutASizeIsEinval) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->log_level = 1;
    attr->log_buf = pointer(text.data());
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST_F(Log, ASizeWithoutABufferIsEinval) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->log_level = 1;
    attr->log_size = 4096;
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST_F(Log, UnknownLevelsAreEinval) {
    for (uint32_t level : {16U, 32U, 1U << 31}) EXPECT_ANSWER(-EINVAL, load(pass, level, 4096)) << level;
}
TEST_F(Log, OfLevelEightAloneIsTaken) { EXPECT_ANSWER(0, load(pass, 8, 4096)); }
TEST_F(Log, AnUnmappedBufferIsEfault) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->log_level = 1;
    attr->log_size = 4096;
    attr->log_buf = 8;
    EXPECT_ANSWER(-EFAULT, answer(attr));
}
TEST_F(Log, ASizeOverAGigabyteIsEinval) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    text.assign(4096, '\0');
    attr->log_level = 1;
    attr->log_buf = pointer(text.data());
    attr->log_size = UINT32_MAX >> 2;
    EXPECT_ANSWER(0, answer(attr));
    attr->log_size = (UINT32_MAX >> 2) + 1;
    EXPECT_ANSWER(-EINVAL, answer(attr));
}
TEST_F(Log, TrueSizeIsNotWrittenIntoAShorterAttr) {
    attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    text.assign(4096, '\0');
    attr->log_level = 1;
    attr->log_buf = pointer(text.data());
    attr->log_size = 4096;
    Fd fd(attr.call(BPF_PROG_LOAD, log_true_size));
    EXPECT_ANSWER(0, fd.error());
    EXPECT_EQ(0U, true_size());
}

// --- programs that are refused ---------------------------------------------------------------

struct CodeRow {
    const char* name;
    Program code;
    long answer;
    const char* log;
};
void PrintTo(const CodeRow& row, std::ostream* out) { *out << row.name; }

class Refused : public testing::TestWithParam<CodeRow> {};
TEST_P(Refused, Answers) {
    const CodeRow& row = GetParam();
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, row.code);
    std::string log(65536, '\0');
    attr->log_buf = pointer(log.data());
    attr->log_size = static_cast<uint32_t>(log.size());
    attr->log_level = 1;
    EXPECT_ANSWER(row.answer, answer(attr));
    EXPECT_NE(nullptr, std::strstr(log.c_str(), (std::string(row.log) + "\n").c_str())) << log.c_str();
}
INSTANTIATE_TEST_SUITE_P(
    Code, Refused,
    testing::Values(
        CodeRow{"no_exit", Program{mov(r0, 0)}, -EINVAL, "last insn is not an exit or jmp"},
        CodeRow{"result_not_set", Program{exit()}, -EACCES, "R0 !read_ok"},
        CodeRow{"unknown_opcode", Program{raw(0xff, 0, 0, 0, 0), exit()}, -EINVAL, "unknown opcode ff"},
        CodeRow{"register_11", Program{raw(BPF_ALU64 | BPF_MOV | BPF_K, 11, 0, 0, 0), exit()}, -EINVAL, "R11 is invalid"},
        CodeRow{"frame_pointer_written", Program{mov(r10, 0), exit()}, -EACCES, "frame pointer is read only"},
        CodeRow{"jump_out_of_the_program", Program{jump(5), mov(r0, 0), exit()}, -EINVAL, "jump out of range from insn 0 to 6"},
        CodeRow{"jump_into_a_wide_instruction", Program{jump_if(BPF_JEQ, r1, 0, 1), wide(r0, 0, 1, 1), exit()}, -EINVAL,
                "jump into the middle of ldimm64 insn 1"},
        CodeRow{"unreachable_code", Program{mov(r0, 0), exit(), mov(r0, 0), exit()}, -EINVAL, "unreachable insn 2"},
        CodeRow{"loop_for_ever", Program{mov(r0, 0), jump(-1), exit()}, -EINVAL, "unreachable insn 2"},
        CodeRow{"loop_without_progress", Program{mov(r0, 0), jump_if(BPF_JEQ, r1, 1, -1), exit()}, -EINVAL,
                "infinite loop detected at insn 1"},
        CodeRow{"division_by_zero", Program{mov(r0, 1), raw(BPF_ALU64 | BPF_DIV | BPF_K, 0, 0, 0, 0), exit()}, -EINVAL, "div by zero"},
        CodeRow{"shift_of_64", Program{mov(r0, 1), raw(BPF_ALU64 | BPF_LSH | BPF_K, 0, 0, 0, 64), exit()}, -EINVAL, "invalid shift 64"},
        CodeRow{"unknown_helper", Program{call(100000), exit()}, -EINVAL, "invalid func unknown#100000"},
        CodeRow{"helper_of_another_type", Program{mov(r6, r1), mov(r2, 0), call(BPF_FUNC_skb_pull_data), exit()}, -EINVAL,
                "program of this type cannot use helper bpf_skb_pull_data#39"},
        CodeRow{"stack_too_deep", Program{store(BPF_DW, r10, -520, 0), mov(r0, 0), exit()}, -EACCES,
                "invalid write to stack R10 off=-520 size=8"},
        CodeRow{"stack_above_the_frame", Program{store(BPF_DW, r10, 0, 0), mov(r0, 0), exit()}, -EACCES,
                "invalid write to stack R10 off=0 size=8"},
        CodeRow{"context_beyond_its_end", Program{load(BPF_W, r0, r1, 24), exit()}, -EACCES, "invalid bpf_context access off=24 size=4"},
        CodeRow{"bad_map_descriptor", Program{map_fd(r1, 4095), mov(r0, 0), exit()}, -EBADF, "fd 4095 is not pointing to valid bpf_map"},
        CodeRow{"reserved_field_of_exit", Program{mov(r0, 0), raw(BPF_JMP | BPF_EXIT, 1, 0, 0, 0)}, -EINVAL,
                "BPF_EXIT uses reserved fields"},
        CodeRow{"half_a_wide_instruction", Program{mov(r0, 0), raw(BPF_LD | BPF_DW | BPF_IMM, 0, 0, 0, 0), mov(r0, 0), exit()}, -EINVAL,
                "invalid bpf_ld_imm64 insn"}),
    row_name);

struct ObjectRow {
    const char* name;  // of a program in bad.bpf.c
    long answer;
    const char* log;
};
void PrintTo(const ObjectRow& row, std::ostream* out) { *out << row.name; }

class RefusedObject : public testing::TestWithParam<ObjectRow> {};
TEST_P(RefusedObject, Answers) {
    ObjectFile bad("bad");
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, bad.get()) bpf_program__set_autoload(each, false);
    bpf_program* wanted = bad.program(GetParam().name);
    ASSERT_NE(nullptr, wanted);
    bpf_program__set_autoload(wanted, true);
    std::string log(1 << 20, '\0');
    bpf_program__set_log_buf(wanted, log.data(), log.size());
    bpf_program__set_log_level(wanted, 1);
    EXPECT_ANSWER(GetParam().answer, bad.load());
    EXPECT_NE(nullptr, std::strstr(log.c_str(), GetParam().log)) << log.c_str();
}
INSTANTIATE_TEST_SUITE_P(Bad, RefusedObject,
                         testing::Values(ObjectRow{"unchecked_packet", -EACCES, "invalid access to packet, off=12 size=1"},
                                         ObjectRow{"packet_one_too_far", -EACCES, "invalid access to packet, off=14 size=1"},
                                         ObjectRow{"unchecked_map_value", -EACCES, " invalid mem access 'map_value_or_null'\n"},
                                         ObjectRow{"beyond_map_value", -EACCES, "invalid access to map value, value_size=8 off=8 size=8\n"},
                                         ObjectRow{"endless", -EINVAL, "infinite loop detected at insn"},
                                         ObjectRow{"context_out_of_bounds", -EACCES, "invalid bpf_context access off=64 size=4\n"},
                                         ObjectRow{"context_write", -EACCES, "invalid bpf_context access off=12 size=4\n"},
                                         ObjectRow{"packet_after_change", -EACCES, " invalid mem access 'scalar'\n"},
                                         ObjectRow{"stack_too_deep", -EACCES, "combined stack size of 2 calls is "}),
                         row_name);

// --- what the privileged may do ------------------------------------------------------------------

TEST(Privileged, MayReadItsStackBeforeWritingIt) {
    EXPECT_ANSWER(0, answer(program_attr(BPF_PROG_TYPE_XDP, Program{load(BPF_DW, r0, r10, -8), mov(r0, 0), exit()})));
}
TEST(Privileged, MayReturnAPointerWhereAnyResultGoes) {
    EXPECT_ANSWER(0, answer(program_attr(BPF_PROG_TYPE_XDP, Program{mov(r0, r1), exit()})));
}
TEST(Privileged, MayNotReturnAPointerWhereTheResultHasARange) {
    Program leaks{mov(r0, r1), exit()};
    Attr attr = program_attr(BPF_PROG_TYPE_CGROUP_SOCK, leaks);
    std::string log(4096, '\0');
    attr->log_buf = pointer(log.data());
    attr->log_size = static_cast<uint32_t>(log.size());
    attr->log_level = 1;
    EXPECT_ANSWER(-EINVAL, answer(attr));
    EXPECT_NE(nullptr, std::strstr(log.c_str(), "At program exit the register R0 is not a known value (ctx)\n")) << log.c_str();
}

// --- what a program may do to a read-only or write-only map ------------------------------------

long load_access(uint32_t map_flags, bool write) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, map_flags));
    Program reads{map_value(r1, map.get(), 0), load(BPF_DW, r0, r1, 0), mov(r0, 0), exit()};
    Program writes{map_value(r1, map.get(), 0), store(BPF_DW, r1, 0, 1), mov(r0, 0), exit()};
    return answer(program_attr(BPF_PROG_TYPE_XDP, write ? writes : reads));
}
TEST(ProgMapAccess, FollowsTheMapsProgramFlags) {
    EXPECT_ANSWER(0, load_access(0, false));
    EXPECT_ANSWER(0, load_access(0, true));
    EXPECT_ANSWER(0, load_access(BPF_F_RDONLY_PROG, false));
    EXPECT_ANSWER(-EACCES, load_access(BPF_F_RDONLY_PROG, true));
    EXPECT_ANSWER(-EACCES, load_access(BPF_F_WRONLY_PROG, false));
    EXPECT_ANSWER(0, load_access(BPF_F_WRONLY_PROG, true));
}
TEST(ProgMapAccess, CallerFlagsDoNotBindPrograms) {
    EXPECT_ANSWER(0, load_access(BPF_F_RDONLY, true));
    EXPECT_ANSWER(0, load_access(BPF_F_WRONLY, false));
}

}  // namespace
}  // namespace test
