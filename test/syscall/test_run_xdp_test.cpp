// BPF_PROG_TEST_RUN of XDP programs: packet in and out, context in and out, repetition, and the sizes that are refused.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/object_file.h"
#include "support/programs.h"

namespace test {
namespace {

using Packet = std::vector<unsigned char>;

Packet numbered(size_t size) {
    Packet packet(size);
    std::iota(packet.begin(), packet.end(), static_cast<unsigned char>(0));
    return packet;
}

class TestRun : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(0, edit.load()); }
    // Runs `name` of xdp_edit with `in`; the answer. The attr and `out` show the rest.
    long run(const char* name, const Packet& in, size_t room = 4096) {
        out.assign(room, 0xee);
        attr->test.prog_fd = static_cast<uint32_t>(edit.program_fd(name));
        attr->test.data_in = pointer(in.data());
        attr->test.data_size_in = static_cast<uint32_t>(in.size());
        attr->test.data_out = room ? pointer(out.data()) : 0;
        attr->test.data_size_out = static_cast<uint32_t>(room);
        long answer = attr.call(BPF_PROG_TEST_RUN);
        out.resize(std::min<size_t>(out.size(), attr->test.data_size_out));
        return answer;
    }
    long run_with_context(const char* name, const Packet& in, const void* context, size_t size) {
        attr->test.ctx_in = pointer(context);
        attr->test.ctx_size_in = static_cast<uint32_t>(size);
        return run(name, in);
    }
    ObjectFile edit{"xdp_edit"};
    Attr attr;
    Packet out;
};

// --- the packet ----------------------------------------------------------------------------

TEST_F(TestRun, TheProgramsResultIsRetval) {
    EXPECT_ANSWER(0, run("length", numbered(77)));
    EXPECT_EQ(77U, attr->test.retval);
}
TEST_F(TestRun, AnUnchangedPacketComesBack) {
    Packet in = numbered(64);
    EXPECT_ANSWER(0, run("length", in));
    EXPECT_EQ(in, out);
}
TEST_F(TestRun, ALongerHeadComesBackInFront) {
    Packet in = numbered(64);
    EXPECT_ANSWER(0, run("grow_head", in));
    EXPECT_EQ(static_cast<uint32_t>(XDP_TX), attr->test.retval);
    Packet expected{0xde, 0xad, 0xbe, 0xef};
    expected.resize(4 + in.size());
    std::copy(in.begin(), in.end(), expected.begin() + 4);
    EXPECT_EQ(expected, out);
}
TEST_F(TestRun, AShorterHeadIsGone) {
    Packet in = numbered(64);
    EXPECT_ANSWER(0, run("cut_head", in));
    EXPECT_EQ(Packet(in.begin() + 14, in.end()), out);
}
TEST_F(TestRun, AShorterTailIsGone) {
    Packet in = numbered(64);
    EXPECT_ANSWER(0, run("cut_tail", in));
    EXPECT_EQ(Packet(in.begin(), in.end() - 10), out);
}
TEST_F(TestRun, ALongerTailIsZeros) {
    Packet in = numbered(64);
    EXPECT_ANSWER(0, run("grow_tail", in));
    EXPECT_EQ(static_cast<uint32_t>(XDP_PASS), attr->test.retval);
    in.resize(74);
    EXPECT_EQ(in, out);
}
TEST_F(TestRun, WithoutRoomForTheOutputOnlyItsSizeIsTold) {
    EXPECT_ANSWER(0, run("length", numbered(64), 0));
    EXPECT_EQ(64U, attr->test.data_size_out);
}
TEST_F(TestRun, TooLittleRoomIsEnospcWithWhatFits) {
    Packet in = numbered(64);
    EXPECT_ANSWER(-ENOSPC, run("length", in, 20));
    EXPECT_EQ(64U, attr->test.data_size_out);
    EXPECT_EQ(Packet(in.begin(), in.begin() + 20), out);
    EXPECT_EQ(64U, attr->test.retval);
}
TEST_F(TestRun, AnOutputOfNoSizeIsNotLimited) {
    Packet room(128, 0xee);
    Packet in = numbered(64);
    attr->test.prog_fd = static_cast<uint32_t>(edit.program_fd("length"));
    attr->test.data_in = pointer(in.data());
    attr->test.data_size_in = 64;
    attr->test.data_out = pointer(room.data());
    EXPECT_ANSWER(0, attr.call(BPF_PROG_TEST_RUN));
    EXPECT_EQ(64U, attr->test.data_size_out);
    EXPECT_EQ(in, Packet(room.begin(), room.begin() + 64));
}
TEST_F(TestRun, OutputToUnmappedMemoryIsEfault) {
    Packet in = numbered(64);
    attr->test.prog_fd = static_cast<uint32_t>(edit.program_fd("length"));
    attr->test.data_in = pointer(in.data());
    attr->test.data_size_in = 64;
    attr->test.data_out = 8;
    attr->test.data_size_out = 64;
    EXPECT_ANSWER(-EFAULT, attr.call(BPF_PROG_TEST_RUN));
}
TEST_F(TestRun, InputFromUnmappedMemoryIsEfault) {
    attr->test.prog_fd = static_cast<uint32_t>(edit.program_fd("length"));
    attr->test.data_in = 8;
    attr->test.data_size_in = 64;
    EXPECT_ANSWER(-EFAULT, attr.call(BPF_PROG_TEST_RUN));
}
TEST_F(TestRun, APacketShorterThanAnEthernetHeaderIsEinval) {
    EXPECT_ANSWER(-EINVAL, run("length", numbered(13)));
    EXPECT_ANSWER(-EINVAL, run("length", {}));
    EXPECT_ANSWER(0, run("length", numbered(14)));
}
// A page less 256 bytes of headroom and 320 behind it; the rest are fragments, which only bpf_xdp_load_bytes would see.
TEST_F(TestRun, TheDirectPartOfAPacketEndsAt3520Bytes) {
    for (size_t size : {3520U, 3521U, 5000U, 65536U}) {
        EXPECT_ANSWER(0, run("length", numbered(size), 70'000));
        EXPECT_EQ(3520U, attr->test.retval) << size;
        EXPECT_EQ(numbered(size), out) << size;
    }
}
TEST_F(TestRun, MoreThanSeventeenFragmentsAreEnomem) { EXPECT_ANSWER(-ENOMEM, run("length", numbered(100'000), 0)); }

// --- repetition -------------------------------------------------------------------------------

TEST_F(TestRun, RepeatRunsThatOften) {
    attr->test.repeat = 5;
    EXPECT_ANSWER(0, run("count_runs", numbered(64)));
    EXPECT_EQ(5U, attr->test.retval);
}
TEST_F(TestRun, RepeatZeroRunsOnce) {
    attr->test.repeat = 0;
    EXPECT_ANSWER(0, run("count_runs", numbered(64)));
    EXPECT_EQ(1U, attr->test.retval);
}
TEST_F(TestRun, RepetitionsWorkOnOneAndTheSamePacket) {
    Packet in = numbered(64);
    attr->test.repeat = 3;
    EXPECT_ANSWER(0, run("cut_head", in));
    EXPECT_EQ(Packet(in.begin() + 42, in.end()), out);
}

// --- fields that XDP does not have ----------------------------------------------------------

TEST_F(TestRun, ACpuIsIgnored) {
    attr->test.cpu = 1;
    EXPECT_ANSWER(0, run("length", numbered(64)));
}
TEST_F(TestRun, UnknownFlagsAreEinval) {
    for (uint32_t flags : {1U, 4U, 1U << 31}) {
        attr->test.flags = flags;
        EXPECT_ANSWER(-EINVAL, run("length", numbered(64))) << flags;
    }
}
TEST_F(TestRun, ABatchSizeWithoutLiveFramesIsEinval) {
    attr->test.batch_size = 1;
    EXPECT_ANSWER(-EINVAL, run("length", numbered(64)));
}

// --- the context --------------------------------------------------------------------------------

TEST_F(TestRun, ContextComesBack) {
    xdp_md context{}, seen{};
    context.data_end = 64;
    attr->test.ctx_out = pointer(&seen);
    attr->test.ctx_size_out = sizeof seen;
    EXPECT_ANSWER(0, run_with_context("length", numbered(64), &context, sizeof context));
    EXPECT_EQ(0U, seen.data);
    EXPECT_EQ(64U, seen.data_end);
    EXPECT_EQ(0U, seen.data_meta);
    EXPECT_EQ(static_cast<uint32_t>(sizeof seen), attr->test.ctx_size_out);
}
TEST_F(TestRun, WithoutAContextGivenTheOneThatComesBackIsZeros) {
    xdp_md seen{}, zeros{};
    std::memset(&seen, 0xee, sizeof seen);
    attr->test.ctx_out = pointer(&seen);
    attr->test.ctx_size_out = sizeof seen;
    EXPECT_ANSWER(0, run("length", numbered(64)));
    EXPECT_EQ(0, std::memcmp(&seen, &zeros, sizeof seen));
}
TEST_F(TestRun, MetadataStandsInFrontOfThePacket) {
    Packet in = numbered(64);
    xdp_md context{};
    context.data = 4;
    context.data_end = 64;
    EXPECT_ANSWER(0, run_with_context("sum_meta", in, &context, sizeof context));
    EXPECT_EQ(0x03020100U, attr->test.retval);
    EXPECT_ANSWER(0, run_with_context("length", in, &context, sizeof context));
    EXPECT_EQ(60U, attr->test.retval);
    EXPECT_EQ(in, out);
}
TEST_F(TestRun, MetadataThatTheProgramSetsIsSeenInContextAndOutput) {
    xdp_md context{}, seen{};
    context.data_end = 64;
    attr->test.ctx_out = pointer(&seen);
    attr->test.ctx_size_out = sizeof seen;
    EXPECT_ANSWER(0, run_with_context("set_meta", numbered(64), &context, sizeof context));
    EXPECT_EQ(0U, seen.data_meta);
    EXPECT_EQ(8U, seen.data);
    EXPECT_EQ(72U, seen.data_end);
    ASSERT_EQ(72U, out.size());
    EXPECT_EQ(0x44, out[0]);
    EXPECT_EQ(0, out[8]);
}
TEST_F(TestRun, IngressAndQueueComeFromTheContext) {
    xdp_md context{};
    context.data_end = 64;
    context.ingress_ifindex = 1;  // lo
    EXPECT_ANSWER(0, run_with_context("ingress", numbered(64), &context, sizeof context));
    EXPECT_EQ(1U, attr->test.retval);
    EXPECT_ANSWER(0, run_with_context("queue", numbered(64), &context, sizeof context));
    EXPECT_EQ(0U, attr->test.retval);
}
TEST_F(TestRun, WithoutAContextTheIngressIsTheLoopback) {
    EXPECT_ANSWER(0, run("ingress", numbered(64)));
    EXPECT_EQ(1U, attr->test.retval);
}
TEST_F(TestRun, AnIngressThatDoesNotExistIsEnodev) {
    xdp_md context{};
    context.data_end = 64;
    context.ingress_ifindex = 0x7ffffff0;
    EXPECT_ANSWER(-ENODEV, run_with_context("ingress", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, AQueueWithoutAnIngressIsEinval) {
    xdp_md context{};
    context.data_end = 64;
    context.rx_queue_index = 1;
    EXPECT_ANSWER(-EINVAL, run_with_context("queue", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, AQueueThatTheIngressLacksIsEinval) {
    xdp_md context{};
    context.data_end = 64;
    context.ingress_ifindex = 1;
    context.rx_queue_index = 1;
    EXPECT_ANSWER(-EINVAL, run_with_context("queue", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, AnEgressIsEinval) {
    xdp_md context{};
    context.data_end = 64;
    context.egress_ifindex = 1;
    EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, ADataEndBeyondThePacketIsEinval) {
    xdp_md context{};
    context.data_end = 65;
    EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, ADataEndBeforeThePacketsEndLeavesTheRestToFragments) {
    for (uint32_t end : {0U, 1U, 20U, 63U}) {
        xdp_md context{};
        context.data_end = end;
        EXPECT_ANSWER(0, run_with_context("length", numbered(64), &context, sizeof context)) << end;
        EXPECT_EQ(end, attr->test.retval);
        EXPECT_EQ(numbered(64), out);
    }
}
TEST_F(TestRun, ADataMetaOtherThanZeroIsEinval) {
    xdp_md context{};
    context.data = 8;
    context.data_meta = 4;
    context.data_end = 64;
    EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, MetadataOfAnOddSizeIsEinval) {
    for (uint32_t size : {1U, 2U, 3U, 6U}) {
        xdp_md context{};
        context.data = size;
        context.data_end = 64;
        EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, sizeof context)) << size;
    }
}
TEST_F(TestRun, MetadataEndsAt216Bytes) {
    xdp_md context{};
    context.data = 216;
    context.data_end = 400;
    EXPECT_ANSWER(0, run_with_context("meta_length", numbered(400), &context, sizeof context));
    EXPECT_EQ(216U, attr->test.retval);
    context.data = 220;
    EXPECT_ANSWER(-EINVAL, run_with_context("meta_length", numbered(400), &context, sizeof context));
}
TEST_F(TestRun, MetadataThatLeavesNoEthernetHeaderIsEinval) {
    xdp_md context{};
    context.data = 52;
    context.data_end = 64;
    EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, sizeof context));
}
TEST_F(TestRun, AShortContextIsZeroExtended) {
    xdp_md context{};
    context.data_end = 64;
    context.egress_ifindex = 1;
    EXPECT_ANSWER(0, run_with_context("length", numbered(64), &context, offsetof(xdp_md, egress_ifindex)));
}
TEST_F(TestRun, ALongContextMustEndInZeros) {
    struct {
        xdp_md context;
        uint32_t more;
    } longer{};
    longer.context.data_end = 64;
    EXPECT_ANSWER(0, run_with_context("length", numbered(64), &longer, sizeof longer));
    longer.more = 1;
    EXPECT_ANSWER(-E2BIG, run_with_context("length", numbered(64), &longer, sizeof longer));
}
TEST_F(TestRun, AContextWithoutASizeIsEinval) {
    xdp_md context{};
    EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), &context, 0));
}
TEST_F(TestRun, ASizeWithoutAContextIsEinval) { EXPECT_ANSWER(-EINVAL, run_with_context("length", numbered(64), nullptr, sizeof(xdp_md))); }
TEST_F(TestRun, AContextOutWithoutASizeIsEinval) {
    xdp_md seen{};
    attr->test.ctx_out = pointer(&seen);
    EXPECT_ANSWER(-EINVAL, run("length", numbered(64)));
    attr->test.ctx_out = 0;
    attr->test.ctx_size_out = sizeof seen;
    EXPECT_ANSWER(-EINVAL, run("length", numbered(64)));
}
TEST_F(TestRun, TooLittleRoomForTheContextIsEnospcWithWhatFits) {
    xdp_md context{}, seen{};
    context.data_end = 64;
    std::memset(&seen, 0xee, sizeof seen);
    attr->test.ctx_out = pointer(&seen);
    attr->test.ctx_size_out = 8;
    EXPECT_ANSWER(-ENOSPC, run_with_context("length", numbered(64), &context, sizeof context));
    EXPECT_EQ(64U, seen.data_end);
    EXPECT_EQ(0xeeeeeeeeU, seen.data_meta);
}

// --- other programs --------------------------------------------------------------------------------

TEST(TestRunMaps, AreSeenByTheClient) {
    ObjectFile verdict("xdp_verdict");
    ASSERT_EQ(0, verdict.load());
    uint32_t zero = 0;
    for (uint32_t answer : {XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX}) {
        ASSERT_EQ(0, bpf_map_update_elem(verdict.map_fd("verdict"), &zero, &answer, BPF_ANY));
        Ran result = test::run(verdict.program_fd("xdp_verdict"));
        EXPECT_ANSWER(0, result.answer);
        EXPECT_EQ(answer, result.verdict);
    }
}
TEST(TestRunMaps, ARedirectThroughAnEmptyDevmapGivesItsFlags) {
    ObjectFile verdict("xdp_verdict");
    ASSERT_EQ(0, verdict.load());
    uint32_t zero = 0, answer = XDP_REDIRECT, lo = 1;
    ASSERT_EQ(0, bpf_map_update_elem(verdict.map_fd("verdict"), &zero, &answer, BPF_ANY));
    EXPECT_EQ(static_cast<uint32_t>(XDP_DROP), test::run(verdict.program_fd("xdp_verdict")).verdict);
    ASSERT_EQ(0, bpf_map_update_elem(verdict.map_fd("ports"), &zero, &lo, BPF_ANY));
    EXPECT_EQ(static_cast<uint32_t>(XDP_REDIRECT), test::run(verdict.program_fd("xdp_verdict")).verdict);
}

class TailCall : public testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(0, file.load()); }
    void put(uint32_t slot, const char* name) {
        int fd = file.program_fd(name);
        ASSERT_EQ(0, bpf_map_update_elem(file.map_fd("programs"), &slot, &fd, BPF_ANY));
    }
    std::string ran(const char* name) {
        Ran result = test::run(file.program_fd(name));
        return std::to_string(result.verdict) + ": " + take_trace(file.map_fd("trace"));
    }
    ObjectFile file{"tail_call"};
};
TEST_F(TailCall, ThroughAnEmptySlotGoesOn) { EXPECT_EQ("31: 30 31", ran("jump")); }
TEST_F(TailCall, DoesNotReturn) {
    put(1, "landing");
    EXPECT_EQ("32: 30 32", ran("jump"));
}
TEST_F(TailCall, FromAFunctionReturnsToItsCaller) {
    EXPECT_EQ("134: 35 33 36", ran("jump_from_function"));
    put(1, "landing");
    EXPECT_EQ("132: 35 32 36", ran("jump_from_function"));
}
TEST_F(TailCall, EndsAfter33) {
    put(0, "again");
    EXPECT_EQ(34U, test::run(file.program_fd("again")).verdict);
}

TEST(TestRunParse, CountsByProtocolAndDropsBlockedPorts) {
    ObjectFile parse("xdp_parse");
    ASSERT_EQ(0, parse.load());
    Packet udp(60);
    udp[12] = 0x08;
    udp[14] = 0x45;
    udp[23] = 17;
    udp[26] = 10;  // 10.0.0.1
    udp[29] = 1;
    udp[34] = 0x12;  // from 0x1234
    udp[35] = 0x34;
    udp[36] = 0x00;  // to 53
    udp[37] = 53;
    auto verdict = [&] {
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = udp.data(), .data_size_in = static_cast<uint32_t>(udp.size()));
        EXPECT_EQ(0, bpf_prog_test_run_opts(parse.program_fd("xdp_parse"), &options));
        return options.retval;
    };
    EXPECT_EQ(static_cast<uint32_t>(XDP_PASS), verdict());
    uint16_t port = 53;
    uint8_t yes = 1;
    ASSERT_EQ(0, bpf_map_update_elem(parse.map_fd("blocked_ports"), &port, &yes, BPF_ANY));
    EXPECT_EQ(static_cast<uint32_t>(XDP_DROP), verdict());
    struct {
        uint32_t address[4] = {0x0100000a};
        uint16_t port = 0x1234, protocol = 17;
    } source;
    uint64_t count = 0;
    ASSERT_EQ(0, bpf_map_lookup_elem(parse.map_fd("packets_by_source"), &source, &count));
    EXPECT_EQ(2U, count);
}

}  // namespace
}  // namespace test
