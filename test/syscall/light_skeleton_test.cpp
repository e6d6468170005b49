// Programs that make bpf(2) calls for the client that runs them, and light skeletons, which load objects so.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/btf.h>

#include <string>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/light_target.h"
#include "support/programs.h"

namespace test {
namespace {

// --- a light skeleton -----------------------------------------------------------------------------------

class LightSkeleton : public testing::Test {
protected:
    void SetUp() override { ASSERT_ANSWER(0, light_target_load(&target)); }
    void TearDown() override {
        if (target.skeleton) light_target_close(&target);
    }
    std::string ran() const {
        const Ran result = run(target.program);
        return name_of(result.answer) + " " + take_trace(target.trace);
    }
    light_target target{};
};

TEST_F(LightSkeleton, LoadsWhatLibbpfLoads) {
    EXPECT_EQ("0 10 11 12 13 16 14 15 19", ran());
    ObjectFile file("xdp_target");
    ASSERT_EQ(0, file.load());
    const bpf_prog_info light = prog_info(target.program), other = prog_info(file.program_fd("target"));
    EXPECT_STREQ(other.name, light.name);
    EXPECT_EQ(other.xlated_prog_len, light.xlated_prog_len);
    EXPECT_EQ(other.nr_func_info, light.nr_func_info);
    EXPECT_EQ(other.nr_line_info, light.nr_line_info);
    EXPECT_STREQ("trace", map_info(target.trace).name);
}
TEST_F(LightSkeleton, WhatItLoadedIsExtendedAndTraced) {
    Extension x("new_x", target.program, "get_x", target.trace);
    ASSERT_EQ(0, x.answer()) << x.log();
    Fd link = x.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("0 10 20 12 13 16 14 15 19", ran());
    Trace before("fentry_a", x.fd(), "new_x", target.trace);
    Fd traced = before.attach();
    EXPECT_EQ("0 10 40 20 12 13 16 14 15 19", ran());
}
TEST_F(LightSkeleton, ItsDescriptorsCloseOnExec) {
    EXPECT_EQ(FD_CLOEXEC, fcntl(target.program, F_GETFD));
    EXPECT_EQ(FD_CLOEXEC, fcntl(target.trace, F_GETFD));
}

// --- bpf_sys_bpf by hand -----------------------------------------------------------------------------------

Attr syscall_attr(const Program& code) {
    Attr attr = program_attr(BPF_PROG_TYPE_SYSCALL, code);
    attr->prog_flags = BPF_F_SLEEPABLE;
    return attr;
}
// What the program returns; -errno when it does not load or run.
int run_syscall_program(const Program& code) {
    const Fd program(syscall_attr(code).call(BPF_PROG_LOAD));
    if (!program.ok()) return program.error();
    Attr attr;
    attr->test.prog_fd = program.u();
    const long answer = attr.call(BPF_PROG_TEST_RUN);
    return answer != 0 ? static_cast<int>(answer) : static_cast<int>(attr->test.retval);
}

constexpr int attr_bytes = 72;
// R2 points to so many zeros on the stack, R3 says how many.
Program on_zeros(std::initializer_list<Code> then) {
    Program code{};
    for (int offset = -attr_bytes; offset < 0; offset += 8) {
        for (const bpf_insn& insn : Program{store(BPF_DW, r10, offset, 0)}) code.push_back(insn);
    }
    for (const bpf_insn& insn : Program{mov(r2, r10), add(r2, -attr_bytes), mov(r3, attr_bytes)}) code.push_back(insn);
    for (const bpf_insn& insn : Program(then)) code.push_back(insn);
    return code;
}

TEST(SysBpf, MakesAMapForTheClient) {
    const int fd = run_syscall_program(on_zeros({store(BPF_W, r2, 0, BPF_MAP_TYPE_ARRAY), store(BPF_W, r2, 4, 4), store(BPF_W, r2, 8, 8),
                                                 store(BPF_W, r2, 12, 3), mov(r1, BPF_MAP_CREATE), call(BPF_FUNC_sys_bpf), exit()}));
    const Fd map(fd);
    ASSERT_TRUE(map.ok()) << fd;
    EXPECT_EQ(3U, map_info(map.get()).max_entries);
    EXPECT_EQ(8U, map_info(map.get()).value_size);
    EXPECT_EQ(FD_CLOEXEC, fcntl(map.get(), F_GETFD));
}
TEST(SysBpf, AnswersWhatTheCommandAnswers) {
    EXPECT_ANSWER(-EINVAL, run_syscall_program(on_zeros({mov(r1, BPF_MAP_CREATE), call(BPF_FUNC_sys_bpf), exit()})));
    EXPECT_ANSWER(-EBADF,
                  run_syscall_program(on_zeros({store(BPF_W, r2, 0, -1), mov(r1, BPF_MAP_UPDATE_ELEM), call(BPF_FUNC_sys_bpf), exit()})));
    EXPECT_ANSWER(-EBADF,
                  run_syscall_program(on_zeros({store(BPF_W, r2, 0, -1), mov(r1, BPF_LINK_CREATE), call(BPF_FUNC_sys_bpf), exit()})));
}
TEST(SysBpf, OtherCommandsAreEinval) {
    for (int command :
         {static_cast<int>(BPF_MAP_LOOKUP_ELEM), static_cast<int>(BPF_LINK_UPDATE), static_cast<int>(BPF_OBJ_GET_INFO_BY_FD), 9999}) {
        EXPECT_ANSWER(-EINVAL, run_syscall_program(on_zeros({store(BPF_W, r2, 0, -1), mov(r1, command), call(BPF_FUNC_sys_bpf), exit()})))
            << command;
    }
}
TEST(SysBpf, ThePointersOfItsAttrAreTheProgramsOwn) {
    const Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
    // key: 0 at the end of the attr's place; value: 77 before it
    const int answer = run_syscall_program(
        on_zeros({store(BPF_W, r2, 0, map.get()), mov(r4, r10), add(r4, -8), store(BPF_DW, r2, 8, r4), store(BPF_DW, r10, -80, 77),
                  add(r4, -72), store(BPF_DW, r2, 16, r4), mov(r3, 32), mov(r1, BPF_MAP_UPDATE_ELEM), call(BPF_FUNC_sys_bpf), exit()}));
    ASSERT_ANSWER(0, answer);
    const uint32_t key = 0;
    uint64_t value = 0;
    ASSERT_ANSWER(0, map_lookup(map, &key, &value));
    EXPECT_EQ(77U, value);
}
TEST(SysBpf, ClosesADescriptorOfTheClient) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 1));
    const uint32_t id = map_info(map.get()).id;
    EXPECT_ANSWER(0, run_syscall_program(Program{mov(r1, map.get()), call(BPF_FUNC_sys_close), exit()}));
    Attr attr;
    attr->map_id = id;
    EXPECT_ANSWER(-ENOENT, attr.call(BPF_MAP_GET_FD_BY_ID));
    uint32_t key = 0;
    EXPECT_ANSWER(-EBADF, map_delete(map, &key));
    EXPECT_ANSWER(-EBADF, run_syscall_program(Program{mov(r1, 4095), call(BPF_FUNC_sys_close), exit()}));
}
TEST(SysBpf, FindsATypeOfTheKernel) {
    // "int", with its NUL
    const int id = run_syscall_program(on_zeros({store(BPF_W, r10, -4, 0x00746e69), mov(r1, r10), add(r1, -4), mov(r2, 4),
                                                 mov(r3, BTF_KIND_INT), mov(r4, 0), call(BPF_FUNC_btf_find_by_name_kind), exit()}));
    EXPECT_LT(0, id);
    EXPECT_ANSWER(-ENOENT,
                  run_syscall_program(on_zeros({store(BPF_W, r10, -4, 0x00746e69), mov(r1, r10), add(r1, -4), mov(r2, 4),
                                                mov(r3, BTF_KIND_STRUCT), mov(r4, 0), call(BPF_FUNC_btf_find_by_name_kind), exit()})));
    EXPECT_ANSWER(-EINVAL,
                  run_syscall_program(on_zeros({store(BPF_W, r10, -4, 0x00746e69), mov(r1, r10), add(r1, -4), mov(r2, 3),
                                                mov(r3, BTF_KIND_INT), mov(r4, 0), call(BPF_FUNC_btf_find_by_name_kind), exit()})));
}
TEST(SysBpf, TheClientsMemoryIsRead) {
    const uint64_t here = 1234;
    const uint64_t address = pointer(&here);
    const Code from = wide(r3, 0, static_cast<int32_t>(address), static_cast<int32_t>(address >> 32));
    auto program = [](Code pointer_to_read) {
        return Program{mov(r1, r10),
                       add(r1, -8),
                       mov(r2, 8),
                       pointer_to_read,
                       call(BPF_FUNC_copy_from_user),
                       jump_if(BPF_JNE, r0, 0, 1),
                       load(BPF_DW, r0, r10, -8),
                       exit()};
    };
    EXPECT_EQ(1234, run_syscall_program(program(from)));
    EXPECT_ANSWER(-EFAULT, run_syscall_program(program(mov(r3, 16))));
}
// A test run of such a program: what is for packets is refused, or stays as it was.
TEST(SysBpf, IsRunWithAContextAndNothingElse) {
    const Fd program(syscall_attr(Program{mov(r0, 5), exit()}).call(BPF_PROG_LOAD));
    ASSERT_TRUE(program.ok());
    uint64_t memory[8] = {};
    const auto answer = [&](const auto& change) {
        Attr attr;
        attr->test.prog_fd = program.u();
        change(attr);
        return attr.call(BPF_PROG_TEST_RUN);
    };
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.data_in = pointer(memory); }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.data_out = pointer(memory); }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.duration = 1; }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.repeat = 1; }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.flags = BPF_F_TEST_RUN_ON_CPU; }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) { attr->test.batch_size = 1; }));
    EXPECT_ANSWER(-EINVAL, answer([&](Attr& attr) {
        attr->test.ctx_out = pointer(memory);
        attr->test.ctx_size_out = sizeof memory;
    }));
    Attr attr;
    attr->test.prog_fd = program.u();
    attr->test.data_size_in = 3;
    attr->test.data_size_out = 4;
    EXPECT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
    EXPECT_EQ(5U, attr->test.retval);
    EXPECT_EQ(4U, attr->test.data_size_out);
}
TEST(SysBpf, IsForProgramsOfTypeSyscallAlone) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, on_zeros({mov(r1, BPF_MAP_CREATE), call(BPF_FUNC_sys_bpf), exit()}));
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_LOAD));
    attr = program_attr(BPF_PROG_TYPE_SYSCALL, Program{mov(r0, 0), exit()});
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_LOAD));  // which must be sleepable
}

}  // namespace
}  // namespace test
