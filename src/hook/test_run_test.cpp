// What test/syscall asks through bpf(2) of XDP is not asked again here: this is about socket buffers, and what no client can see.

#include "hook/test_run.h"

#include <gtest/gtest.h>

#include <cstring>

#include "abi/kernel_types.h"
#include "image/target_registry.h"
#include "program/test_program.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

using namespace test;

struct SkbRun : testing::Test {
    TargetRegistry targets{default_engine(), test::run_state()};
    Runtime runtime;
    TestCaller caller;
    std::vector<unsigned char> packet = std::vector<unsigned char>(64);
    __sk_buff context = zeroed<__sk_buff>();
    bool with_context = false;
    uint32_t cpu = 0;

    SkbRun() {
        for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<unsigned char>(i + 1);
    }
    Result<TestRunOutcome> run(uint32_t type, const Insns& insns, uint32_t repeat = 1) {
        ProgramFacts facts;
        facts.type = type;
        const Ref<Program> program = make_program(std::vector<Insns>{insns}, facts);
        EXPECT_TRUE(targets.link(*program).ok());
        TestRunRequest request{.caller = caller, .runtime = runtime, .program = *program};
        request.data_in = reinterpret_cast<uint64_t>(packet.data());
        request.data_size_in = static_cast<uint32_t>(packet.size());
        request.repeat = repeat;
        request.cpu = cpu;
        if (with_context) {
            request.has_context = true;
            request.ctx_in = reinterpret_cast<uint64_t>(&context);
            request.ctx_size_in = sizeof context;
        }
        return test_run(request);
    }
    // Reads a field of the buffer.
    static Insns read(int size, size_t offset) { return {insn(BPF_LDX | BPF_MEM | size, 0, 1, static_cast<int>(offset), 0), exit()}; }
    uint32_t field(uint32_t type, int size, size_t offset) {
        auto outcome = run(type, read(size, offset));
        EXPECT_EQ(outcome.code(), 0);
        return outcome.ok() ? outcome->retval : 0;
    }
};

constexpr size_t wire_len = offsetof(abi::sk_buff, cb) + offsetof(abi::skb_control, pkt_len);

TEST_F(SkbRun, TcSeesTheEthernetHeaderASocketFilterDoesNot) {
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_W, offsetof(abi::sk_buff, len)), 64U);
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_ACT, BPF_W, offsetof(abi::sk_buff, len)), 64U);
    EXPECT_EQ(field(BPF_PROG_TYPE_SOCKET_FILTER, BPF_W, offsetof(abi::sk_buff, len)), 50U);
    const TestRunOutcome tc = run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).value();
    EXPECT_EQ(0, std::memcmp(tc.data.data(), packet.data(), 64));
    const TestRunOutcome filter = run(BPF_PROG_TYPE_SOCKET_FILTER, {mov(0, 0), exit()}).value();
    ASSERT_EQ(filter.data.size(), 64U);
    EXPECT_EQ(std::vector<std::byte>(filter.data.begin(), filter.data.begin() + 14), std::vector<std::byte>(14));
    EXPECT_EQ(0, std::memcmp(filter.data.data() + 14, packet.data() + 14, 50));
}

TEST_F(SkbRun, FieldsThatComeFromThePacket) {
    packet[12] = 0x08;
    packet[13] = 0x00;
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_H, offsetof(abi::sk_buff, protocol)), 0x0008U);
    for (const auto& [first, type] : {std::pair{1, 2U}, {0xff, 2U}, {2, 3U}}) {
        packet[0] = static_cast<unsigned char>(first);
        EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_B, offsetof(abi::sk_buff, pkt_type)), type);
    }
    std::memset(packet.data(), 0, 6);
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_B, offsetof(abi::sk_buff, pkt_type)), 0U);
}

TEST_F(SkbRun, SizesAsOnLinux) {
    const auto answer = [&](size_t size, unsigned protocol) {
        packet.assign(size, 0);
        if (size >= 14) {
            packet[12] = static_cast<unsigned char>(protocol >> 8);
            packet[13] = static_cast<unsigned char>(protocol);
        }
        return run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code();
    };
    EXPECT_EQ(answer(13, 0), EINVAL);
    EXPECT_EQ(answer(14, 0), 0);
    EXPECT_EQ(answer(33, 0x0800), EINVAL);
    EXPECT_EQ(answer(34, 0x0800), 0);
    EXPECT_EQ(answer(53, 0x86dd), EINVAL);
    EXPECT_EQ(answer(54, 0x86dd), 0);
    EXPECT_EQ(answer(3712, 0), 0);
    EXPECT_EQ(answer(3713, 0), EINVAL);
    cpu = 1;
    EXPECT_EQ(answer(64, 0), EINVAL);
}

TEST_F(SkbRun, ContextFieldsThatAreTakenComeBack) {
    with_context = true;
    context.mark = 5;
    context.priority = 6;
    context.ingress_ifindex = 77;
    context.tstamp = 8;
    context.cb[4] = 9;
    context.gso_segs = 10;
    context.gso_size = 11;
    context.hwtstamp = 12;
    const TestRunOutcome outcome = run(BPF_PROG_TYPE_SCHED_CLS, read(BPF_W, offsetof(abi::sk_buff, mark))).value();
    EXPECT_EQ(outcome.retval, 5U);
    __sk_buff seen = zeroed<__sk_buff>();
    ASSERT_EQ(outcome.context.size(), sizeof seen);
    std::memcpy(&seen, outcome.context.data(), sizeof seen);
    EXPECT_EQ(seen.ifindex, 1U);
    EXPECT_EQ(seen.wire_len, 64U);
    seen.ifindex = seen.wire_len = 0;
    EXPECT_EQ(0, std::memcmp(&seen, &context, sizeof seen));
}

TEST_F(SkbRun, WireLength) {
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_W, wire_len), 0U);  // nobody says
    with_context = true;
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_W, wire_len), 64U);
    EXPECT_EQ(field(BPF_PROG_TYPE_SOCKET_FILTER, BPF_W, wire_len), 50U);
    context.wire_len = 65536;
    EXPECT_EQ(field(BPF_PROG_TYPE_SCHED_CLS, BPF_W, wire_len), 65536U);
    for (const uint32_t wrong : {10U, 63U, 65537U}) {
        context.wire_len = wrong;
        EXPECT_EQ(run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code(), EINVAL) << wrong;
    }
}

TEST_F(SkbRun, ContextFieldsThatAreNot) {
    with_context = true;
    const auto refuses = [&](uint32_t __sk_buff::* field) {
        context = {};
        context.*field = 1;
        return run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code() == EINVAL;
    };
    for (uint32_t __sk_buff::* field : {&__sk_buff::len, &__sk_buff::pkt_type, &__sk_buff::queue_mapping, &__sk_buff::protocol,
                                        &__sk_buff::vlan_present, &__sk_buff::vlan_tci, &__sk_buff::tc_index, &__sk_buff::hash,
                                        &__sk_buff::tc_classid, &__sk_buff::data, &__sk_buff::data_end, &__sk_buff::family}) {
        EXPECT_TRUE(refuses(field));
    }
    context = {};
    context.ifindex = 77;
    EXPECT_EQ(run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code(), ENODEV);
    caller.interfaces = {77};
    EXPECT_EQ(run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code(), 0);
    context = {};
    context.gso_segs = 65536;
    EXPECT_EQ(run(BPF_PROG_TYPE_SCHED_CLS, {mov(0, 0), exit()}).code(), EINVAL);
}

TEST_F(SkbRun, RepetitionsWorkOnOnePacketAndRunThatOften) {
    // Counts in the mark.
    const int mark = static_cast<int>(offsetof(abi::sk_buff, mark));
    const Insns count{insn(BPF_LDX | BPF_MEM | BPF_W, 0, 1, mark, 0), add(0, 1), insn(BPF_STX | BPF_MEM | BPF_W, 1, 0, mark, 0), exit()};
    for (const uint32_t repeat : {0U, 1U, 63U, 64U, 65U, 1000U}) {
        EXPECT_EQ(run(BPF_PROG_TYPE_SCHED_CLS, count, repeat).value().retval, std::max(repeat, 1U));
    }
}

TEST_F(SkbRun, OtherTypesAreNotRun) {
    EXPECT_EQ(run(BPF_PROG_TYPE_EXT, {mov(0, 0), exit()}).code(), abi::enotsupp);
    EXPECT_EQ(run(BPF_PROG_TYPE_CGROUP_SOCK, {mov(0, 0), exit()}).code(), abi::enotsupp);
}

}  // namespace
}  // namespace graft
