// Functions of the kernel that programs call by their BTF: who may, with what, and what becomes of what they give out.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "support/assembly.h"
#include "support/call.h"
#include "support/programs.h"

namespace test {
namespace {

struct FreeBtf {
    void operator()(btf* object) const { btf__free(object); }
};

// Not before main(): another kernel may take the system's place first.
Code call_kernel(const char* name) {
    static const std::unique_ptr<btf, FreeBtf> kernel(btf__load_from_kernel_by_id(1));
    const int id = kernel == nullptr ? 0 : btf__find_by_name_kind(kernel.get(), name, BTF_KIND_FUNC);
    return raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, id);
}

Program operator+(Program a, const Program& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// The dynptr is at fp - 16; r6 keeps the context.
Program make() { return {mov(r6, r1), mov(r2, 0), mov(r3, r10), add(r3, -16), call_kernel("bpf_dynptr_from_xdp")}; }
// Eight bytes from the start, or goes to what comes `skip` instructions behind.
Program slice(const char* function, int skip) {
    return {mov(r1, r10), add(r1, -16), mov(r2, 0), mov(r3, 0), mov(r4, 8), call_kernel(function), jump_if(BPF_JEQ, r0, 0, skip)};
}
const Program end{mov(r0, 0), exit()};

class Kfunc : public testing::Test {
protected:
    long load(const Program& program, uint32_t type = BPF_PROG_TYPE_XDP, const char* license = "GPL") {
        Attr attr = program_attr(type, program);
        attr->license = pointer(license);
        attr->log_level = 1;
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        return attr.call(BPF_PROG_LOAD);
    }
    void expect_refusal(int code, const std::string& line, const Program& program, uint32_t type = BPF_PROG_TYPE_XDP,
                        const char* license = "GPL") {
        EXPECT_ANSWER(code, load(program, type, license));
        EXPECT_NE(std::string::npos, std::string(log.data()).find(line)) << log.data();
    }
    std::array<char, 8192> log{};
};

TEST_F(Kfunc, ASliceIsThePacket) {
    const Fd program(
        load(make() + slice("bpf_dynptr_slice_rdwr", 3) + Program{store(BPF_B, r0, 0, 7), test::load(BPF_B, r0, r0, 0), exit()} + end));
    ASSERT_ANSWER(0, program.error()) << log.data();
    EXPECT_EQ(7U, run(program.get()).verdict);
}
TEST_F(Kfunc, ProgramsOfOtherTypes) {
    expect_refusal(-EACCES, "calling kernel function bpf_dynptr_from_xdp is not allowed", make() + end, BPF_PROG_TYPE_SCHED_CLS);
}
TEST_F(Kfunc, ProgramsWithAnotherLicense) {
    expect_refusal(-EINVAL, "cannot call kernel function from non-GPL compatible program", make() + end, BPF_PROG_TYPE_XDP, "none");
}
TEST_F(Kfunc, NoFunction) {
    expect_refusal(-EINVAL, "kernel btf_id 1 is not a function",
                   {raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 1), mov(r0, 0), exit()});
}
TEST_F(Kfunc, WhatIsNoContext) {
    expect_refusal(-EINVAL, "arg#0 expected pointer to ctx, but got fp",
                   Program{mov(r1, r10), mov(r2, 0), mov(r3, r10), add(r3, -16), call_kernel("bpf_dynptr_from_xdp")} + end);
}
TEST_F(Kfunc, WhatIsNoNumber) {
    expect_refusal(-EINVAL, "R2 is not a scalar",
                   Program{mov(r2, r10), mov(r3, r10), add(r3, -16), call_kernel("bpf_dynptr_from_xdp")} + end);
}
TEST_F(Kfunc, WhatIsNoPlaceForADynptr) {
    expect_refusal(-EINVAL, "arg#2 expected pointer to stack or const struct bpf_dynptr",
                   Program{mov(r2, 0), mov(r3, r1), call_kernel("bpf_dynptr_from_xdp")} + end);
}
TEST_F(Kfunc, ASizeThatIsNotKnown) {
    expect_refusal(
        -EINVAL, "R4 must be a known constant",
        make() +
            Program{test::load(BPF_W, r4, r6, 12), mov(r1, r10), add(r1, -16), mov(r2, 0), mov(r3, 0), call_kernel("bpf_dynptr_slice")} +
            end);
}
TEST_F(Kfunc, ABufferThatIsTooSmall) {
    expect_refusal(
        -EINVAL, "arg#2 arg#3 memory, len pair leads to invalid memory access",
        make() + Program{mov(r1, r10), add(r1, -16), mov(r2, 0), mov(r3, r10), add(r3, -24), mov(r4, 32), call_kernel("bpf_dynptr_slice")} +
            end);
}
TEST_F(Kfunc, ASliceMayBeNull) {
    expect_refusal(-EACCES, "R0 invalid mem access", make() + slice("bpf_dynptr_slice", 0) + Program{test::load(BPF_B, r0, r0, 0)} + end);
}
TEST_F(Kfunc, ASliceToRead) {
    expect_refusal(-EACCES, "R0 cannot write into rdonly_mem",
                   make() + slice("bpf_dynptr_slice", 1) + Program{store(BPF_B, r0, 0, 7)} + end);
}
TEST_F(Kfunc, BehindASlice) {
    expect_refusal(-EACCES, "invalid access to memory, mem_size=8 off=8 size=1",
                   make() + slice("bpf_dynptr_slice", 1) + Program{test::load(BPF_B, r0, r0, 8)} + end);
}
TEST_F(Kfunc, ASliceGoesWhenThePacketMoves) {
    expect_refusal(-EACCES, "R7 invalid mem access 'scalar'",
                   make() + slice("bpf_dynptr_slice", 5) +
                       Program{mov(r7, r0), mov(r1, r6), mov(r2, 4), call(BPF_FUNC_xdp_adjust_head), test::load(BPF_B, r0, r7, 0)} + end);
}

}  // namespace
}  // namespace test
