// Commands about objects that exist: pins, descriptors, links, info.

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include <array>

#include "program/test_target.h"
#include "syscall/command.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

using namespace test;

struct Objects : testing::Test {
    std::unique_ptr<Kernel> kernel = std::move(Kernel::create()).value();
    TestCaller caller;
    bpf_attr attr = zeroed<bpf_attr>();

    int install(const Ref<Program>& program) { return caller.install({program}); }
    Ref<Program> xdp_program(int action, uint32_t expected_attach_type = 0) {
        ProgramFacts facts;
        facts.type = BPF_PROG_TYPE_XDP;
        facts.expected_attach_type = expected_attach_type;
        facts.name = "xdp";
        facts.tag = {1, 2, 3, 4, 5, 6, 7, 8};
        Ref<Program> program = make_program(std::vector<Insns>{{mov(0, action), exit()}}, std::move(facts));
        EXPECT_TRUE(kernel->targets.link(*program).ok());
        program->register_in(kernel->programs);
        return program;
    }
    long call(int command) {
        const long result = caller.bpf(*kernel, command, attr);
        attr = {};
        return result;
    }
    bpf_link_info link_info(long fd) {
        bpf_link_info info = zeroed<bpf_link_info>();
        attr.info.bpf_fd = static_cast<uint32_t>(fd);
        attr.info.info = reinterpret_cast<uint64_t>(&info);
        attr.info.info_len = sizeof info;
        EXPECT_EQ(call(BPF_OBJ_GET_INFO_BY_FD), 0);
        return info;
    }
    uint64_t text(const char* string) { return reinterpret_cast<uint64_t>(string); }
};

// --- pins -----------------------------------------------------------------------------------------------------------------------------

TEST_F(Objects, APinIsAnotherWayToTheObject) {
    const int fd = install(xdp_program(XDP_PASS));
    attr.pathname = text("/sys/fs/bpf/p");
    attr.bpf_fd = static_cast<uint32_t>(fd);
    ASSERT_EQ(call(BPF_OBJ_PIN), 0);
    attr.pathname = text("/sys/fs/bpf/p");
    attr.bpf_fd = static_cast<uint32_t>(fd);
    EXPECT_EQ(call(BPF_OBJ_PIN), -EEXIST);
    attr.pathname = text("/sys/fs/bpf/p");
    const long again = call(BPF_OBJ_GET);
    ASSERT_GT(again, fd);
    EXPECT_EQ(caller.descriptors.at(static_cast<int>(again)).object, caller.descriptors.at(fd).object);
    attr.pathname = text("/sys/fs/bpf/q");
    EXPECT_EQ(call(BPF_OBJ_GET), -ENOENT);
}

TEST_F(Objects, PinRefusals) {
    const int fd = install(xdp_program(XDP_PASS));
    const auto pin = [&](uint64_t path, int object, uint32_t flags, int path_fd) {
        attr.pathname = path;
        attr.bpf_fd = static_cast<uint32_t>(object);
        attr.file_flags = flags;
        std::memcpy(reinterpret_cast<char*>(&attr) + abi::obj_path_fd, &path_fd, sizeof path_fd);
        return call(BPF_OBJ_PIN);
    };
    EXPECT_EQ(pin(text("/a"), 4000, 0, 0), -EINVAL);
    EXPECT_EQ(pin(text("/a"), fd, BPF_F_RDONLY, 0), -EINVAL);
    EXPECT_EQ(pin(text("/a"), fd, 0, 5), -EINVAL);
    EXPECT_EQ(pin(text(""), fd, 0, 0), -ENOENT);
    EXPECT_EQ(pin(8, fd, 0, 0), -EFAULT);
    EXPECT_EQ(pin(text(std::string(5000, 'a').c_str()), fd, 0, 0), -ENAMETOOLONG);
    EXPECT_EQ(pin(text("/a"), fd, abi::f_path_fd, 5), 0);
    attr.pathname = text("/a");
    attr.file_flags = BPF_F_RDONLY | BPF_F_WRONLY;
    EXPECT_EQ(call(BPF_OBJ_GET), -EINVAL);
    attr.pathname = text("/a");
    attr.bpf_fd = 3;
    EXPECT_EQ(call(BPF_OBJ_GET), -EINVAL);
}

// --- links ----------------------------------------------------------------------------------------------------------------------------

TEST_F(Objects, FreplaceFromOpenToClose) {
    TargetProgram target(kernel->targets, kernel->programs, kernel->btfs);
    const int target_fd = install(target.program);
    const int fd = install(make_extension(target, 11, kernel->targets, kernel->programs, kernel->btfs));
    attr.link_create.prog_fd = static_cast<uint32_t>(fd);
    const long link = call(BPF_LINK_CREATE);
    ASSERT_GT(link, 0);
    EXPECT_EQ(run(*target.program), 11002U);
    const bpf_link_info info = link_info(link);
    EXPECT_EQ(info.type, uint32_t{BPF_LINK_TYPE_TRACING});
    EXPECT_EQ(info.tracing.target_obj_id, target.program->id());

    attr.link_create.prog_fd = static_cast<uint32_t>(fd);
    attr.link_create.target_fd = static_cast<uint32_t>(target_fd);
    EXPECT_EQ(call(BPF_LINK_CREATE), -EINVAL);
    attr.link_create.prog_fd = static_cast<uint32_t>(fd);
    attr.link_create.target_fd = 4000;
    attr.link_create.target_btf_id = target.get_x_id;
    EXPECT_EQ(call(BPF_LINK_CREATE), -EBADF);
    attr.link_create.prog_fd = static_cast<uint32_t>(fd);
    attr.link_create.target_fd = static_cast<uint32_t>(target_fd);
    attr.link_create.target_btf_id = target.get_x_id;
    EXPECT_EQ(call(BPF_LINK_CREATE), -EBUSY);

    attr.link_detach.link_fd = static_cast<uint32_t>(link);
    EXPECT_EQ(call(BPF_LINK_DETACH), -EOPNOTSUPP);
    caller.close(link);
    EXPECT_EQ(run(*target.program), 1002U);
}

TEST_F(Objects, RawTracepointOpenWithoutAName) {
    TargetProgram target(kernel->targets, kernel->programs, kernel->btfs);
    const auto fd = static_cast<uint32_t>(install(make_extension(target, 11, kernel->targets, kernel->programs, kernel->btfs)));
    attr.raw_tracepoint.prog_fd = fd;
    attr.raw_tracepoint.name = text("sys_enter");
    EXPECT_EQ(call(BPF_RAW_TRACEPOINT_OPEN), -EINVAL);
    attr.raw_tracepoint.prog_fd = static_cast<uint32_t>(install(target.program));
    EXPECT_EQ(call(BPF_RAW_TRACEPOINT_OPEN), -EINVAL);
    attr.raw_tracepoint.prog_fd = fd;
    ASSERT_GT(call(BPF_RAW_TRACEPOINT_OPEN), 0);
    EXPECT_EQ(run(*target.program), 11002U);
}

TEST_F(Objects, XdpLinkFromCreateToOrphan) {
    caller.interfaces = {3};
    const Ref<XdpPort> port = kernel->xdp.port({caller.netns_cookie, 3});
    const auto a = static_cast<uint32_t>(install(xdp_program(XDP_DROP))), b = static_cast<uint32_t>(install(xdp_program(XDP_TX)));
    const auto create = [&](uint32_t ifindex, uint32_t attach_type, uint32_t flags) {
        attr.link_create.prog_fd = a;
        attr.link_create.target_ifindex = ifindex;
        attr.link_create.attach_type = attach_type;
        attr.link_create.flags = flags;
        return call(BPF_LINK_CREATE);
    };
    EXPECT_EQ(create(9, BPF_XDP, 0), -EINVAL);
    EXPECT_EQ(create(3, 0, 0), -EINVAL);
    EXPECT_EQ(create(3, BPF_XDP, XDP_FLAGS_REPLACE), -EINVAL);
    const long fd = create(3, BPF_XDP, 0);
    ASSERT_GT(fd, 0);
    EXPECT_EQ(create(3, BPF_XDP, 0), -EBUSY);
    EXPECT_EQ(link_info(fd).xdp.ifindex, 3U);

    const auto update = [&](uint32_t flags, uint32_t program, uint32_t old) {
        attr.link_update.link_fd = static_cast<uint32_t>(fd);
        attr.link_update.new_prog_fd = program;
        attr.link_update.flags = flags;
        attr.link_update.old_prog_fd = old;
        return call(BPF_LINK_UPDATE);
    };
    EXPECT_EQ(update(BPF_F_REPLACE, b, b), -EPERM);
    EXPECT_EQ(update(0, b, a), -EINVAL);
    EXPECT_EQ(update(8, b, 0), -EINVAL);
    EXPECT_EQ(update(0, 4000, 0), -EBADF);
    EXPECT_EQ(update(BPF_F_REPLACE, b, a), 0);
    EXPECT_EQ(link_info(fd).prog_id, static_cast<Program&>(*caller.descriptors.at(static_cast<int>(b)).object).id());
    EXPECT_EQ(update(0, b, 0), 0);

    kernel->xdp.interface_gone({caller.netns_cookie, 3});
    EXPECT_EQ(link_info(fd).xdp.ifindex, 0U);
    EXPECT_EQ(update(0, a, 0), -ENOLINK);
    attr.link_detach.link_fd = static_cast<uint32_t>(fd);
    EXPECT_EQ(call(BPF_LINK_DETACH), 0);
}

// --- info -----------------------------------------------------------------------------------------------------------------------------

TEST_F(Objects, ProgInfo) {
    TargetProgram target(kernel->targets, kernel->programs, kernel->btfs);
    const int fd = install(target.program);
    std::array<uint64_t, 4> ksyms{};
    std::array<uint32_t, 2> lengths{};
    std::array<bpf_insn, 11> insns{};
    bpf_prog_info info = zeroed<bpf_prog_info>();
    info.nr_jited_ksyms = ksyms.size();
    info.jited_ksyms = reinterpret_cast<uint64_t>(ksyms.data());
    info.nr_jited_func_lens = lengths.size();
    info.jited_func_lens = reinterpret_cast<uint64_t>(lengths.data());
    info.xlated_prog_len = sizeof insns;
    info.xlated_prog_insns = reinterpret_cast<uint64_t>(insns.data());
    const auto ask = [&] {
        attr.info.bpf_fd = static_cast<uint32_t>(fd);
        attr.info.info = reinterpret_cast<uint64_t>(&info);
        attr.info.info_len = sizeof info;
        return call(BPF_OBJ_GET_INFO_BY_FD);
    };
    ASSERT_EQ(ask(), 0);
    EXPECT_EQ(info.type, uint32_t{BPF_PROG_TYPE_SCHED_CLS});
    EXPECT_EQ(info.id, target.program->id());
    EXPECT_STREQ(info.name, "target");
    EXPECT_EQ(info.btf_id, target.program->facts().btf->id());
    EXPECT_EQ(info.nr_jited_ksyms, 3U);
    EXPECT_EQ(info.nr_jited_func_lens, 3U);
    EXPECT_EQ(info.xlated_prog_len, 11 * sizeof(bpf_insn));
    EXPECT_LT(ksyms[0], ksyms[1]);
    EXPECT_LT(ksyms[1], ksyms[2]);
    EXPECT_EQ(ksyms[3], 0U);  // not more than there are
    EXPECT_GT(lengths[1], 0U);
    EXPECT_GT(info.jited_prog_len, 0U);
    EXPECT_EQ(insns[1].src_reg, BPF_PSEUDO_CALL);
    EXPECT_EQ(insns[1].imm, 1);  // the number of the function
    EXPECT_EQ(info.func_info_rec_size, sizeof(bpf_func_info));

    info.func_info_rec_size = 4;
    EXPECT_EQ(ask(), -EINVAL);
    info = {};
    info.xlated_prog_len = 8;
    info.xlated_prog_insns = 8;
    EXPECT_EQ(ask(), -EFAULT);
}

TEST_F(Objects, LinkInfoOfALongerStruct) {
    TargetProgram target(kernel->targets, kernel->programs, kernel->btfs);
    attr.link_create.prog_fd = static_cast<uint32_t>(install(make_extension(target, 11, kernel->targets, kernel->programs, kernel->btfs)));
    const long link = call(BPF_LINK_CREATE);
    ASSERT_GT(link, 0);
    std::array<unsigned char, 80> info{};
    const auto ask = [&] {
        attr.info.bpf_fd = static_cast<uint32_t>(link);
        attr.info.info = reinterpret_cast<uint64_t>(info.data());
        attr.info.info_len = info.size();
        const long result = caller.bpf(*kernel, BPF_OBJ_GET_INFO_BY_FD, attr);
        return result == 0 ? static_cast<long>(attr.info.info_len) : result;
    };
    EXPECT_EQ(ask(), 64);
    info[64] = 1;
    EXPECT_EQ(ask(), -E2BIG);
}

// --- the rest -------------------------------------------------------------------------------------------------------------------------

TEST_F(Objects, StatisticsCountWhileTheDescriptorIsOpen) {
    attr.enable_stats.type = 1;
    EXPECT_EQ(call(BPF_ENABLE_STATS), -EINVAL);
    const long first = call(BPF_ENABLE_STATS), second = call(BPF_ENABLE_STATS);
    ASSERT_GT(second, first);
    EXPECT_EQ(kernel->run_state.statistics_users.load(), 2U);
    attr.info.bpf_fd = static_cast<uint32_t>(first);
    EXPECT_EQ(call(BPF_OBJ_GET_INFO_BY_FD), -EINVAL);
    caller.close(first);
    EXPECT_EQ(kernel->run_state.statistics_users.load(), 1U);
    caller.close(second);
    EXPECT_EQ(kernel->run_state.statistics_users.load(), 0U);
}

TEST_F(Objects, QueriesOfAttachPointsThatAreEmpty) {
    caller.foreign = {50};
    const auto query = [&](uint32_t attach_type, uint32_t target) {
        attr.query.attach_type = attach_type;
        attr.query.target_fd = target;
        attr.query.prog_cnt = 9;
        const long result = caller.bpf(*kernel, BPF_PROG_QUERY, attr);
        const long count = attr.query.prog_cnt;
        attr = {};
        return result == 0 ? count : result;
    };
    EXPECT_EQ(query(BPF_FLOW_DISSECTOR, 50), 0);
    EXPECT_EQ(query(BPF_FLOW_DISSECTOR, 51), -EBADF);
    EXPECT_EQ(query(BPF_FLOW_DISSECTOR, static_cast<uint32_t>(install(xdp_program(0)))), -EINVAL);
    EXPECT_EQ(query(abi::attach_tcx_ingress, 9), -ENODEV);
    EXPECT_EQ(query(1000, 50), -EINVAL);
}

TEST_F(Objects, WhatGraftDoesNotAttach) {
    const auto fd = static_cast<uint32_t>(install(xdp_program(0)));
    attr.attach_bpf_fd = fd;
    EXPECT_EQ(call(BPF_PROG_ATTACH), -EINVAL);
    attr.attach_bpf_fd = 4000;
    EXPECT_EQ(call(BPF_PROG_ATTACH), -EBADF);
    EXPECT_EQ(call(BPF_PROG_DETACH), -EBADF);  // target_fd is no cgroup
    attr.iter_create.link_fd = fd;
    EXPECT_EQ(call(BPF_ITER_CREATE), -EINVAL);
    EXPECT_EQ(call(BPF_TASK_FD_QUERY), -abi::enotsupp);
}

}  // namespace
}  // namespace graft
