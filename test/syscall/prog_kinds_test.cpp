// Programs that the kernel's own functions call, or a client itself: struct_ops, LSM, syscall.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
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

// The id of a struct in the kernel's BTF.
uint32_t kernel_struct(const char* name) {
    const std::unique_ptr<btf, FreeBtf> kernel(btf__load_from_kernel_by_id(1));
    return kernel == nullptr ? 0 : static_cast<uint32_t>(btf__find_by_name_kind(kernel.get(), name, BTF_KIND_STRUCT));
}

struct Load {
    uint32_t type = 0;
    uint32_t attach_type = 0, attach_btf_id = 0, flags = 0;
    const char* license = "GPL";
};

class ProgKinds : public testing::Test {
protected:
    long load(const Load& wanted, const Program& program) {
        Attr attr = program_attr(wanted.type, program);
        attr->expected_attach_type = wanted.attach_type;
        attr->attach_btf_id = wanted.attach_btf_id;
        attr->prog_flags = wanted.flags;
        attr->license = pointer(wanted.license);
        attr->log_level = 1;
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        return attr.call(BPF_PROG_LOAD);
    }
    [[nodiscard]] bool logged(const std::string& line) const { return std::string(log.data()).find(line) != std::string::npos; }

    const Program zero{mov(r0, 0), exit()};
    std::array<char, 4096> log{};
};

TEST_F(ProgKinds, StructOpsNeedAStructure) {
    EXPECT_ANSWER(-enotsupp, load({.type = BPF_PROG_TYPE_STRUCT_OPS}, zero));
    const uint32_t other = kernel_struct("iphdr");
    EXPECT_ANSWER(-enotsupp, load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = other}, zero));
    EXPECT_TRUE(logged("attach_btf_id " + std::to_string(other) + " is not a supported struct")) << log.data();
}
TEST_F(ProgKinds, StructOpsHaveAMember) {
    const uint32_t dummy = kernel_struct("bpf_dummy_ops");
    EXPECT_ANSWER(0, Fd(load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = dummy}, zero)).error());
    EXPECT_ANSWER(-EINVAL, load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_type = 99, .attach_btf_id = dummy}, zero));
    EXPECT_TRUE(logged("attach to invalid member idx 99 of struct bpf_dummy_ops")) << log.data();
}
TEST_F(ProgKinds, StructOpsAreGpl) {
    EXPECT_ANSWER(-EINVAL,
                  load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = kernel_struct("bpf_dummy_ops"), .license = "none"}, zero));
    EXPECT_TRUE(logged("struct ops programs must have a GPL compatible license")) << log.data();
}
TEST_F(ProgKinds, StructOpsSleepWhereTheMemberMay) {
    const uint32_t dummy = kernel_struct("bpf_dummy_ops");
    EXPECT_ANSWER(-EINVAL, load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = dummy, .flags = BPF_F_SLEEPABLE}, zero));
    EXPECT_TRUE(logged("attach to unsupported member test_1 of struct bpf_dummy_ops")) << log.data();
    EXPECT_ANSWER(
        0, Fd(load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_type = 2, .attach_btf_id = dummy, .flags = BPF_F_SLEEPABLE}, zero)).error());
}
TEST_F(ProgKinds, StructOpsSeeTheirArguments) {
    const uint32_t dummy = kernel_struct("bpf_dummy_ops");
    const Program state{test::load(BPF_DW, r2, r1, 0), test::load(BPF_W, r0, r2, 0), exit()};
    EXPECT_ANSWER(0, Fd(load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_type = 1, .attach_btf_id = dummy}, state)).error()) << log.data();
    const Program beyond{test::load(BPF_DW, r0, r1, 8), mov(r0, 0), exit()};
    EXPECT_ANSWER(-EACCES, load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = dummy}, beyond));
    EXPECT_TRUE(logged("func 'test_1' doesn't have 2-th argument")) << log.data();
}
TEST_F(ProgKinds, StructOpsArgumentsMayBeNull) {
    const uint32_t dummy = kernel_struct("bpf_dummy_ops");
    const Program unchecked{test::load(BPF_DW, r2, r1, 0), test::load(BPF_W, r0, r2, 0), exit()};
    EXPECT_ANSWER(-EACCES, load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = dummy}, unchecked));
    EXPECT_TRUE(logged("R2 invalid mem access 'trusted_ptr_or_null_'")) << log.data();
    const Program checked{test::load(BPF_DW, r2, r1, 0), mov(r0, 0), jump_if(BPF_JEQ, r2, 0, 1), test::load(BPF_W, r0, r2, 0), exit()};
    EXPECT_ANSWER(0, Fd(load({.type = BPF_PROG_TYPE_STRUCT_OPS, .attach_btf_id = dummy}, checked)).error()) << log.data();
}

TEST_F(ProgKinds, LsmNeedsAFunction) {
    EXPECT_ANSWER(-EINVAL, load({.type = BPF_PROG_TYPE_LSM, .attach_type = BPF_LSM_MAC, .attach_btf_id = kernel_struct("iphdr")}, zero));
    EXPECT_TRUE(logged(" is not a function")) << log.data();
}

TEST_F(ProgKinds, SyscallProgramsSleep) {
    EXPECT_ANSWER(-EINVAL, load({.type = BPF_PROG_TYPE_SYSCALL}, zero));
    EXPECT_TRUE(logged("Syscall programs can only be sleepable")) << log.data();
}
TEST_F(ProgKinds, SyscallProgramsWriteTheirContext) {
    const Program twice{test::load(BPF_DW, r2, r1, 8), add(r2, r2), store(BPF_DW, r1, 0, r2), mov(r0, 5), exit()};
    const Fd program(load({.type = BPF_PROG_TYPE_SYSCALL, .flags = BPF_F_SLEEPABLE}, twice));
    ASSERT_ANSWER(0, program.error());
    std::array<uint64_t, 2> context{0, 21};
    Attr attr;
    attr->test.prog_fd = program.u();
    attr->test.ctx_in = pointer(context.data());
    attr->test.ctx_size_in = sizeof context;
    EXPECT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
    EXPECT_EQ(42U, context[0]);
    EXPECT_EQ(5U, attr->test.retval);
    attr->test.ctx_size_in = 15;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_TEST_RUN));
    attr->test.ctx_size_in = sizeof context;
    attr->test.repeat = 2;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_TEST_RUN));
}

}  // namespace
}  // namespace test
