// What graft's bpf(2) has beyond Linux's (abi/graft.h), as a client calls it.

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "abi/graft.h"
#include "program/test_target.h"
#include "syscall/command.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

using namespace test;

// Linux's attr, graft's, and what nobody knows.
struct LongAttr {
    alignas(8) std::array<std::byte, GRAFT_ATTR_OFFSET> known{};
    graft_attr own{};
    uint64_t beyond = 0;

    template <class T>
    void set(size_t offset, T value) {
        std::memcpy(&known[offset], &value, sizeof value);
    }
};

struct OwnCommands : testing::Test {
    std::unique_ptr<Kernel> kernel = std::move(Kernel::create()).value();
    TestCaller caller;
    LongAttr attr;
    std::array<char, 512> log{};
    TargetProgram one{kernel->targets, kernel->programs, kernel->btfs}, two{kernel->targets, kernel->programs, kernel->btfs};
    int one_fd = caller.install({one.program}), two_fd = caller.install({two.program});
    int extension = caller.install({make_extension(one, 11, kernel->targets, kernel->programs, kernel->btfs)});
    int newer = caller.install({make_extension(one, 12, kernel->targets, kernel->programs, kernel->btfs)});

    long call(int command) {
        const long result = caller.bpf(*kernel, command, attr);
        attr = {};
        return result;
    }
    void fill_link_create(int program, int target = 0, uint32_t btf_id = 0) {
        attr.set(offsetof(bpf_attr, link_create.prog_fd), program);
        attr.set(offsetof(bpf_attr, link_create.target_fd), target);
        attr.set(offsetof(bpf_attr, link_create.target_btf_id), btf_id);
    }
    void ask_why(size_t size) {
        attr.own.log_buf = reinterpret_cast<uint64_t>(log.data());
        attr.own.log_size = static_cast<uint32_t>(size);
    }
    long create_link(long transaction, int program, int target = 0, uint32_t btf_id = 0) {
        fill_link_create(program, target, btf_id);
        attr.own.transaction_fd = static_cast<uint32_t>(transaction);
        return call(BPF_LINK_CREATE);
    }
    long commit(long transaction) {
        attr.set(0, static_cast<uint32_t>(transaction));
        return call(GRAFT_TRANSACTION_COMMIT);
    }
};

TEST_F(OwnCommands, TheVersionTellsThatItIsGraft) {
    EXPECT_EQ(call(GRAFT_ABI), GRAFT_ABI_VERSION);
    attr.set(0, 1);
    EXPECT_EQ(call(GRAFT_ABI), -EINVAL);
}

TEST_F(OwnCommands, WhyAnAttachIsRefused) {
    fill_link_create(extension, two_fd, two.main_id);
    ask_why(log.size());
    LongAttr& answered = attr;
    EXPECT_EQ(caller.bpf(*kernel, BPF_LINK_CREATE, answered), -EINVAL);
    const std::string line = log.data();
    EXPECT_NE(line.find("target() has"), std::string::npos) << line;
    EXPECT_EQ(answered.own.log_true_size, line.size() + 1);

    // A buffer that is too small gets what fits, and the size that would have been needed.
    log = {};
    ask_why(8);
    answered.own.log_true_size = 0;
    EXPECT_EQ(caller.bpf(*kernel, BPF_LINK_CREATE, answered), -ENOSPC);
    EXPECT_EQ(std::string(log.data()).size(), 7U);
    EXPECT_EQ(answered.own.log_true_size, line.size() + 1);

    // Without a reason of the check, that of the failure.
    attr = {};
    fill_link_create(extension, 4000, 1);
    ask_why(log.size());
    EXPECT_EQ(call(BPF_LINK_CREATE), -EBADF);
    EXPECT_NE(log[0], '\0');

    fill_link_create(extension);
    attr.own.log_buf = 8;
    attr.own.log_size = 100;
    EXPECT_GT(call(BPF_LINK_CREATE), 0);  // nothing to say, nothing written
}

TEST_F(OwnCommands, BehindGraftsAttrNothingIsKnown) {
    fill_link_create(extension);
    attr.beyond = 1;
    EXPECT_EQ(call(BPF_LINK_CREATE), -E2BIG);
    fill_link_create(extension);
    attr.own.reserved = 1;
    EXPECT_EQ(call(BPF_LINK_CREATE), -EINVAL);
    attr.own.log_size = 1;  // a command that has no such part
    EXPECT_EQ(call(BPF_MAP_CREATE), -E2BIG);
    EXPECT_EQ(run(*one.program), 1002U);
}

TEST_F(OwnCommands, LinksOfATransactionAreAttachedByItsCommit) {
    const long transaction = call(GRAFT_TRANSACTION_CREATE);
    ASSERT_GT(transaction, 0);
    EXPECT_GT(create_link(transaction, extension), 0);
    EXPECT_GT(create_link(transaction, newer, two_fd, two.get_x_id), 0);
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_EQ(run(*two.program), 1002U);
    EXPECT_EQ(commit(transaction), 0);
    EXPECT_EQ(run(*one.program), 11002U);
    EXPECT_EQ(run(*two.program), 12002U);
    EXPECT_EQ(commit(transaction), -EINVAL);
}

TEST_F(OwnCommands, ReplaceAndDetachAtOnce) {
    const long first = create_link(0, extension), second = create_link(0, extension, two_fd, two.get_x_id);
    ASSERT_GT(second, 0);
    const long transaction = call(GRAFT_TRANSACTION_CREATE);
    attr.set(offsetof(bpf_attr, link_update.link_fd), static_cast<uint32_t>(first));
    attr.set(offsetof(bpf_attr, link_update.new_prog_fd), newer);
    attr.own.transaction_fd = static_cast<uint32_t>(transaction);
    EXPECT_EQ(call(BPF_LINK_UPDATE), 0);
    attr.set(offsetof(bpf_attr, link_detach.link_fd), static_cast<uint32_t>(second));
    attr.own.transaction_fd = static_cast<uint32_t>(transaction);
    EXPECT_EQ(call(BPF_LINK_DETACH), 0);
    EXPECT_EQ(run(*one.program), 11002U);
    EXPECT_EQ(run(*two.program), 11002U);
    EXPECT_EQ(commit(transaction), 0);
    EXPECT_EQ(run(*one.program), 12002U);
    EXPECT_EQ(run(*two.program), 1002U);
}

TEST_F(OwnCommands, OneThatIsRefusedLeavesAllAsItWas) {
    const long taken = create_link(0, newer);
    ASSERT_GT(taken, 0);
    const long transaction = call(GRAFT_TRANSACTION_CREATE);
    EXPECT_GT(create_link(transaction, extension, two_fd, two.get_x_id), 0);
    EXPECT_GT(create_link(transaction, extension), 0);  // where the other one is
    attr.set(0, static_cast<uint32_t>(transaction));
    ask_why(log.size());
    EXPECT_EQ(call(GRAFT_TRANSACTION_COMMIT), -EBUSY);
    EXPECT_NE(log[0], '\0');
    EXPECT_EQ(run(*one.program), 12002U);
    EXPECT_EQ(run(*two.program), 1002U);
    EXPECT_GT(create_link(0, extension, two_fd, two.get_x_id), 0);
}

TEST_F(OwnCommands, NoTransaction) {
    EXPECT_EQ(commit(4000), -EBADF);
    EXPECT_EQ(commit(one_fd), -EINVAL);
    EXPECT_EQ(create_link(4000, extension), -EBADF);
    EXPECT_EQ(create_link(one_fd, extension), -EINVAL);
    EXPECT_EQ(run(*one.program), 1002U);

    const long given_up = call(GRAFT_TRANSACTION_CREATE);
    EXPECT_GT(create_link(given_up, extension), 0);
    caller.close(given_up);
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_GT(create_link(0, extension), 0);  // the target of its load is still to be had
    EXPECT_EQ(run(*one.program), 11002U);
}

}  // namespace
}  // namespace graft
