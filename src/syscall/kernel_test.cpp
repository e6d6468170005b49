#include "syscall/kernel.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "syscall/command.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

struct Syscalls : testing::Test {
    std::unique_ptr<Kernel> kernel = std::move(Kernel::create()).value();
    TestCaller caller;
    bpf_attr attr = zeroed<bpf_attr>();
};

TEST_F(Syscalls, AnUnknownCommandIsInvalid) {
    EXPECT_EQ(caller.bpf(*kernel, 37, attr), -EINVAL);
    EXPECT_EQ(caller.bpf(*kernel, -1, attr), -EINVAL);
}

TEST_F(Syscalls, TheAttrIsReadBeforeTheCommandIsLookedAt) {
    EXPECT_EQ(kernel->bpf(caller, 999, 8, sizeof attr).code(), EFAULT);
    EXPECT_EQ(kernel->bpf(caller, 999, 8, 4097).code(), E2BIG);
}

TEST_F(Syscalls, AShortAttrIsExtendedWithZeros) {
    EXPECT_EQ(kernel->bpf(caller, BPF_PROG_GET_NEXT_ID, 8, 0).code(), ENOENT);
    uint32_t start = 7;
    EXPECT_EQ(caller.bpf(*kernel, BPF_PROG_GET_NEXT_ID, start), -ENOENT);
}

TEST_F(Syscalls, AnAttrFromTheFutureMustBeZeroBehindWhatIsKnown) {
    std::vector<unsigned char> large(4096);
    EXPECT_EQ(kernel->bpf(caller, BPF_PROG_GET_NEXT_ID, reinterpret_cast<uint64_t>(large.data()), 4096).code(), ENOENT);
    large[abi::attr_size] = 1;
    EXPECT_EQ(kernel->bpf(caller, BPF_PROG_GET_NEXT_ID, reinterpret_cast<uint64_t>(large.data()), 4096).code(), E2BIG);
    EXPECT_EQ(kernel->bpf(caller, BPF_PROG_GET_NEXT_ID, reinterpret_cast<uint64_t>(large.data()), abi::attr_size).code(), ENOENT);
}

// The last byte of each command's part is accepted as its own; the one behind it is not.
TEST_F(Syscalls, ACommandRefusesBytesBehindItsLastField) {
    for (const Command& command : commands()) {
        if (command.run == nullptr || command.attr_end == abi::attr_size) continue;
        unsigned char raw[abi::attr_size]{};
        raw[command.attr_end] = 1;
        const Result<Reply> reply = kernel->bpf(caller, static_cast<int>(command.number), reinterpret_cast<uint64_t>(raw), sizeof raw);
        EXPECT_EQ(reply.code(), EINVAL) << command.name;
        EXPECT_STREQ(reply.error().reason, "the attr is not zero behind the command's last field") << command.name;
    }
}

TEST_F(Syscalls, NextIdRefusesAStartPastTheLargestId) {
    attr.start_id = INT32_MAX;
    EXPECT_EQ(caller.bpf(*kernel, BPF_LINK_GET_NEXT_ID, attr), -EINVAL);
    attr.start_id = INT32_MAX - 1;
    EXPECT_EQ(caller.bpf(*kernel, BPF_LINK_GET_NEXT_ID, attr), -ENOENT);
}

TEST_F(Syscalls, FdByIdOfNothing) {
    attr.prog_id = 1;
    EXPECT_EQ(caller.bpf(*kernel, BPF_PROG_GET_FD_BY_ID, attr), -ENOENT);
    EXPECT_EQ(caller.bpf(*kernel, BPF_MAP_GET_FD_BY_ID, attr), -ENOENT);
    EXPECT_EQ(caller.bpf(*kernel, BPF_LINK_GET_FD_BY_ID, attr), -ENOENT);
    attr.open_flags = BPF_F_RDONLY | BPF_F_WRONLY;
    EXPECT_EQ(caller.bpf(*kernel, BPF_MAP_GET_FD_BY_ID, attr), -EINVAL);
}

}  // namespace
}  // namespace graft
