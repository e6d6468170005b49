// XDP programs on interfaces through rtnetlink (IFLA_XDP), as iproute2 and libxdp attach them.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include <cstdlib>

#include "support/assembly.h"
#include "support/call.h"
#include "support/network.h"
#include "support/programs.h"

namespace test {
namespace {

constexpr uint32_t drv = XDP_FLAGS_DRV_MODE, skb = XDP_FLAGS_SKB_MODE, replace = XDP_FLAGS_REPLACE, noexist = XDP_FLAGS_UPDATE_IF_NOEXIST;
constexpr int none = -1;

class XdpNetlink : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(network.ok());
        ASSERT_TRUE(one.ok());
        ASSERT_TRUE(two.ok());
    }
    long attach(int program, uint32_t flags = drv) const { return bpf_xdp_attach(veth0, program, flags, nullptr); }
    long attach_over(int program, int expected, uint32_t flags = drv | replace) const {
        LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = expected);
        return bpf_xdp_attach(veth0, program, flags, &options);
    }
    [[nodiscard]] uint32_t attached() const {
        uint32_t id = 0;
        return bpf_xdp_query_id(veth0, 0, &id) ? UINT32_MAX : id;
    }
    [[nodiscard]] uint32_t id(const Fd& program) const { return prog_info(program.get()).id; }
    Network network;
    Fd one{prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()})};
    Fd two{prog_load(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_DROP), exit()})};
    int veth0 = network.veth0();
};

TEST_F(XdpNetlink, NothingIsAttachedAtFirst) {
    EXPECT_EQ(0U, attached());
    EXPECT_EQ(std::string::npos, output_of("ip link show veth0").find("xdp"));
}
TEST_F(XdpNetlink, AttachIsSeenByIpLink) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_EQ(id(one), attached());
    std::string shown = output_of("ip -d link show veth0");
    EXPECT_NE(std::string::npos, shown.find("prog/xdp id " + std::to_string(id(one)))) << shown;
}
TEST_F(XdpNetlink, DetachWithDescriptorMinusOne) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(0, attach(none));
    EXPECT_EQ(0U, attached());
    EXPECT_ANSWER(0, attach(none));  // of nothing
}
TEST_F(XdpNetlink, ANewProgramReplacesTheOld) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(0, attach(two.get()));
    EXPECT_EQ(id(two), attached());
}
TEST_F(XdpNetlink, TheSameProgramAgainIsAccepted) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(0, attach(one.get()));
}
TEST_F(XdpNetlink, TheInterfaceHoldsTheProgram) {
    EXPECT_ANSWER(0, attach(one.get()));
    uint32_t program = id(one);
    one.reset();
    EXPECT_EQ(program, attached());
    EXPECT_ANSWER(0, attach(none));
    Attr attr;
    attr->prog_id = program;
    EXPECT_ANSWER(-ENOENT, attr.call(BPF_PROG_GET_FD_BY_ID));
}
TEST_F(XdpNetlink, DeletingTheInterfaceDropsTheProgram) {
    EXPECT_ANSWER(0, attach(one.get()));
    uint32_t program = id(one);
    one.reset();
    ASSERT_EQ(0, std::system("ip link del veth0"));
    Attr attr;
    attr->prog_id = program;
    EXPECT_ANSWER(-ENOENT, attr.call(BPF_PROG_GET_FD_BY_ID));
}

// --- UPDATE_IF_NOEXIST ------------------------------------------------------------------------

TEST_F(XdpNetlink, UpdateIfNoexistAttachesToAnEmptyInterface) {
    EXPECT_ANSWER(0, attach(one.get(), drv | noexist));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, UpdateIfNoexistOverAProgramIsEbusy) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(-EBUSY, attach(two.get(), drv | noexist));
    EXPECT_EQ(id(one), attached());
}

// --- REPLACE with EXPECTED_FD -----------------------------------------------------------------

TEST_F(XdpNetlink, ReplaceOfTheExpectedProgram) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(0, attach_over(two.get(), one.get()));
    EXPECT_EQ(id(two), attached());
}
TEST_F(XdpNetlink, ReplaceOfAnotherProgramIsEexist) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(-EEXIST, attach_over(two.get(), two.get()));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, ReplaceOfNothingWhereAProgramIsIsEexist) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(-EEXIST, attach_over(two.get(), none));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, ReplaceOfNothingWhereNothingIs) {
    EXPECT_ANSWER(0, attach_over(one.get(), none));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, ReplaceWhereNothingIsIsEexist) {
    EXPECT_ANSWER(-EEXIST, attach_over(two.get(), one.get()));
    EXPECT_EQ(0U, attached());
}
TEST_F(XdpNetlink, DetachOfTheExpectedProgram) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(-EEXIST, attach_over(none, two.get()));
    EXPECT_ANSWER(0, attach_over(none, one.get()));
    EXPECT_EQ(0U, attached());
}
TEST_F(XdpNetlink, DetachOfTheExpectedProgramWhereNothingIsIsEexist) { EXPECT_ANSWER(-EEXIST, attach_over(none, one.get())); }
TEST_F(XdpNetlink, AnExpectedDescriptorThatIsNotOpenIsEbadf) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_ANSWER(-EBADF, attach_over(two.get(), 4095));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, AnExpectedDescriptorOfAnotherTypeIsEinval) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    EXPECT_ANSWER(-EINVAL, attach_over(two.get(), map.get()));
}
TEST_F(XdpNetlink, ReplaceAndUpdateIfNoexistHoldTogether) {
    EXPECT_ANSWER(0, attach_over(one.get(), none, drv | replace | noexist));
    EXPECT_ANSWER(-EBUSY, attach_over(two.get(), one.get(), drv | replace | noexist));
    EXPECT_EQ(id(one), attached());
}

// --- modes --------------------------------------------------------------------------------------

TEST_F(XdpNetlink, WithoutAModeTheDriverIsUsed) {
    EXPECT_ANSWER(0, attach(one.get(), 0));
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    ASSERT_EQ(0, bpf_xdp_query(veth0, 0, &query));
    EXPECT_EQ(XDP_ATTACHED_DRV, query.attach_mode);
    EXPECT_EQ(id(one), query.prog_id);
    EXPECT_EQ(id(one), query.drv_prog_id);
    EXPECT_EQ(0U, query.skb_prog_id);
}
TEST_F(XdpNetlink, InSkbMode) {
    EXPECT_ANSWER(0, attach(one.get(), skb));
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    ASSERT_EQ(0, bpf_xdp_query(veth0, 0, &query));
    EXPECT_EQ(XDP_ATTACHED_SKB, query.attach_mode);
    EXPECT_EQ(id(one), query.skb_prog_id);
    EXPECT_NE(std::string::npos, output_of("ip link show veth0").find("xdpgeneric"));
}
TEST_F(XdpNetlink, DriverAndSkbTogetherAreEexist) {
    EXPECT_ANSWER(0, attach(one.get(), skb));
    EXPECT_ANSWER(-EEXIST, attach(two.get(), drv));
    EXPECT_EQ(id(one), attached());
}
TEST_F(XdpNetlink, DetachInTheOtherModeChangesNothing) {
    EXPECT_ANSWER(0, attach(one.get(), skb));
    EXPECT_ANSWER(0, attach(none, drv));
    EXPECT_EQ(id(one), attached());
    EXPECT_ANSWER(0, attach(none, skb));
}
TEST_F(XdpNetlink, HardwareModeOfAProgramLoadedForNoDeviceIsEinval) { EXPECT_ANSWER(-EINVAL, attach(one.get(), XDP_FLAGS_HW_MODE)); }
TEST_F(XdpNetlink, TwoModesAreEinval) {
    EXPECT_ANSWER(-EINVAL, attach(one.get(), drv | skb));
    EXPECT_ANSWER(-EINVAL, attach(one.get(), 1U << 10));
}

// --- programs that are none ----------------------------------------------------------------------

TEST_F(XdpNetlink, ADescriptorThatIsNotOpenIsEbadf) { EXPECT_ANSWER(-EBADF, attach(4095)); }
TEST_F(XdpNetlink, ADescriptorOfAMapIsEinval) {
    Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1));
    EXPECT_ANSWER(-EINVAL, attach(map.get()));
}
TEST_F(XdpNetlink, AProgramOfAnotherTypeIsEinval) {
    Fd filter(prog_load(BPF_PROG_TYPE_SOCKET_FILTER, Program{mov(r0, 0), exit()}));
    EXPECT_ANSWER(-EINVAL, attach(filter.get()));
}
TEST_F(XdpNetlink, AProgramForADevmapIsEinval) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, Program{mov(r0, XDP_PASS), exit()});
    const Program pass{mov(r0, XDP_PASS), exit()};
    attr->insns = pointer(pass.data());
    attr->expected_attach_type = BPF_XDP_DEVMAP;
    Fd program(attr.call(BPF_PROG_LOAD));
    ASSERT_TRUE(program.ok());
    EXPECT_ANSWER(-EINVAL, attach(program.get()));
}
TEST_F(XdpNetlink, AnInterfaceThatDoesNotExistIsEnodev) { EXPECT_ANSWER(-ENODEV, bpf_xdp_attach(0x7ffffff0, one.get(), drv, nullptr)); }
TEST_F(XdpNetlink, TheLoopbackHasSkbModeOnly) {
    EXPECT_ANSWER(-EOPNOTSUPP, bpf_xdp_attach(1, one.get(), drv, nullptr));
    EXPECT_ANSWER(0, bpf_xdp_attach(1, one.get(), 0, nullptr));
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    ASSERT_EQ(0, bpf_xdp_query(1, 0, &query));
    EXPECT_EQ(XDP_ATTACHED_SKB, query.attach_mode);
    EXPECT_ANSWER(0, bpf_xdp_attach(1, -1, 0, nullptr));
}
TEST_F(XdpNetlink, AMtuAboveAPageIsRefusedWhileAttached) {
    EXPECT_ANSWER(0, attach(one.get()));
    EXPECT_NE(0, std::system("ip link set veth0 mtu 9000 2>/dev/null && ip link set veth1 mtu 9000 2>/dev/null"));
}

}  // namespace
}  // namespace test
