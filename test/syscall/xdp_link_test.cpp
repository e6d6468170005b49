// XDP programs on interfaces through BPF_LINK_CREATE: attach, replace, detach, and what the link tells.
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

const Program pass{mov(r0, XDP_PASS), exit()};
const Program drop{mov(r0, XDP_DROP), exit()};

// The id of the program on an interface, as rtnetlink tells it.
uint32_t attached(int ifindex) {
    uint32_t id = 0;
    return bpf_xdp_query_id(ifindex, 0, &id) ? UINT32_MAX : id;
}

class XdpLink : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(network.ok());
        ASSERT_TRUE(one.ok());
        ASSERT_TRUE(two.ok());
    }
    static long create(const Fd& program, int ifindex, uint32_t flags = XDP_FLAGS_DRV_MODE) {
        Attr attr;
        attr->link_create.prog_fd = program.u();
        attr->link_create.target_ifindex = static_cast<uint32_t>(ifindex);
        attr->link_create.attach_type = BPF_XDP;
        attr->link_create.flags = flags;
        return attr.call(BPF_LINK_CREATE);
    }
    static long update(const Fd& link, const Fd& program, uint32_t flags = 0, int old_program = 0) {
        Attr attr;
        attr->link_update.link_fd = link.u();
        attr->link_update.new_prog_fd = program.u();
        attr->link_update.flags = flags;
        attr->link_update.old_prog_fd = static_cast<uint32_t>(old_program);
        return attr.call(BPF_LINK_UPDATE);
    }
    Network network;
    Fd one{prog_load(BPF_PROG_TYPE_XDP, pass)}, two{prog_load(BPF_PROG_TYPE_XDP, drop)};
    int veth0 = network.veth0();
};

TEST_F(XdpLink, AttachesAndDetachesWhenItCloses) {
    EXPECT_EQ(0U, attached(veth0));
    Fd link(create(one, veth0));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(prog_info(one.get()).id, attached(veth0));
    link.reset();
    EXPECT_EQ(0U, attached(veth0));
}
TEST_F(XdpLink, WithoutAModeChoosesTheDriver) {
    Fd link(create(one, veth0, 0));
    ASSERT_ANSWER(0, link.error());
    EXPECT_NE(std::string::npos, output_of("ip link show veth0").find("xdp"));
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    ASSERT_EQ(0, bpf_xdp_query(veth0, 0, &query));
    EXPECT_EQ(XDP_ATTACHED_DRV, query.attach_mode);
}
TEST_F(XdpLink, InSkbMode) {
    Fd link(create(one, veth0, XDP_FLAGS_SKB_MODE));
    ASSERT_ANSWER(0, link.error());
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    ASSERT_EQ(0, bpf_xdp_query(veth0, 0, &query));
    EXPECT_EQ(XDP_ATTACHED_SKB, query.attach_mode);
    EXPECT_EQ(prog_info(one.get()).id, query.skb_prog_id);
}
TEST_F(XdpLink, InfoNamesProgramAndInterface) {
    Fd link(create(one, veth0));
    bpf_link_info info = link_info(link.get());
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_XDP), info.type);
    EXPECT_NE(0U, info.id);
    EXPECT_EQ(prog_info(one.get()).id, info.prog_id);
    EXPECT_EQ(static_cast<uint32_t>(veth0), info.xdp.ifindex);
}
TEST_F(XdpLink, ASecondIsEbusy) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(-EBUSY, create(two, veth0));
    EXPECT_EQ(prog_info(one.get()).id, attached(veth0));
}
TEST_F(XdpLink, OnAnInterfaceWithANetlinkProgramIsEbusy) {
    ASSERT_EQ(0, bpf_xdp_attach(veth0, one.get(), XDP_FLAGS_DRV_MODE, nullptr));
    EXPECT_ANSWER(-EBUSY, create(two, veth0));
    EXPECT_EQ(0, bpf_xdp_detach(veth0, XDP_FLAGS_DRV_MODE, nullptr));
}
TEST_F(XdpLink, OneProgramOnTwoInterfaces) {
    Fd first(create(one, veth0)), second(create(one, network.veth1()));
    ASSERT_ANSWER(0, second.error());
    EXPECT_EQ(attached(veth0), attached(network.veth1()));
}
TEST_F(XdpLink, OnAnInterfaceThatDoesNotExistIsEinval) {
    EXPECT_ANSWER(-EINVAL, create(one, 0x7ffffff0));
    EXPECT_ANSWER(-EINVAL, create(one, 0));
}
TEST_F(XdpLink, FlagsOtherThanAModeAreEinval) {
    for (uint32_t flags : {static_cast<uint32_t>(XDP_FLAGS_REPLACE), static_cast<uint32_t>(XDP_FLAGS_UPDATE_IF_NOEXIST), 1U << 10}) {
        EXPECT_ANSWER(-EINVAL, create(one, veth0, flags)) << flags;
    }
    EXPECT_ANSWER(-EINVAL, create(one, veth0, XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE));
}
TEST_F(XdpLink, OfAnotherProgramTypeIsEinval) {
    Fd filter(prog_load(BPF_PROG_TYPE_SOCKET_FILTER, Program{mov(r0, 0), exit()}));
    EXPECT_ANSWER(-EINVAL, create(filter, veth0));
}
TEST_F(XdpLink, OfADevmapProgramIsEinval) {
    Attr attr = program_attr(BPF_PROG_TYPE_XDP, pass);
    attr->expected_attach_type = BPF_XDP_DEVMAP;
    Fd program(attr.call(BPF_PROG_LOAD));
    EXPECT_ANSWER(-EINVAL, create(program, veth0));
}
TEST_F(XdpLink, WithAnotherAttachTypeIsEinval) {
    Attr attr;
    attr->link_create.prog_fd = one.u();
    attr->link_create.target_ifindex = static_cast<uint32_t>(veth0);
    attr->link_create.attach_type = BPF_XDP_DEVMAP;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_LINK_CREATE));
}

// --- update ---------------------------------------------------------------------------------

TEST_F(XdpLink, UpdateReplacesTheProgram) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(0, update(link, two));
    EXPECT_EQ(prog_info(two.get()).id, attached(veth0));
    EXPECT_EQ(prog_info(two.get()).id, link_info(link.get()).prog_id);
}
TEST_F(XdpLink, UpdateWithTheSameProgramIsAccepted) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(0, update(link, one));
}
TEST_F(XdpLink, UpdateFromTheExpectedProgram) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(-EPERM, update(link, two, BPF_F_REPLACE, two.get()));
    EXPECT_EQ(prog_info(one.get()).id, attached(veth0));
    EXPECT_ANSWER(0, update(link, two, BPF_F_REPLACE, one.get()));
    EXPECT_EQ(prog_info(two.get()).id, attached(veth0));
}
TEST_F(XdpLink, UpdateWithAnOldProgramNeedsTheFlag) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(-EINVAL, update(link, two, 0, one.get()));
    EXPECT_ANSWER(-EBADF, update(link, two, BPF_F_REPLACE, 4095));
    EXPECT_ANSWER(-EINVAL, update(link, two, 1));
}
TEST_F(XdpLink, UpdateToAnotherTypeIsEinval) {
    Fd link(create(one, veth0)), filter(prog_load(BPF_PROG_TYPE_SOCKET_FILTER, Program{mov(r0, 0), exit()}));
    EXPECT_ANSWER(-EINVAL, update(link, filter));
}

// --- detach ---------------------------------------------------------------------------------

long detach(const Fd& link) {
    Attr attr;
    attr->link_detach.link_fd = link.u();
    return attr.call(BPF_LINK_DETACH);
}
TEST_F(XdpLink, DetachLeavesALinkOfNothing) {
    Fd link(create(one, veth0));
    EXPECT_ANSWER(0, detach(link));
    EXPECT_EQ(0U, attached(veth0));
    EXPECT_EQ(0U, link_info(link.get()).xdp.ifindex);
    EXPECT_ANSWER(0, detach(link));  // and again
    EXPECT_ANSWER(-ENOLINK, update(link, two));
    EXPECT_GE(Fd(create(two, veth0)).get(), 0);
}
TEST_F(XdpLink, DeletingTheInterfaceDetaches) {
    Fd link(create(one, veth0));
    ASSERT_EQ(0, std::system("ip link del veth0"));
    EXPECT_EQ(0U, link_info(link.get()).xdp.ifindex);
    EXPECT_EQ(prog_info(one.get()).id, link_info(link.get()).prog_id);
    EXPECT_ANSWER(-ENOLINK, update(link, two));
}

// --- rtnetlink beside a link -------------------------------------------------------------------

TEST_F(XdpLink, NetlinkCannotReplaceOrRemoveIt) {
    Fd link(create(one, veth0));
    EXPECT_EQ(-EBUSY, bpf_xdp_attach(veth0, two.get(), XDP_FLAGS_DRV_MODE, nullptr));
    EXPECT_EQ(-EBUSY, bpf_xdp_detach(veth0, XDP_FLAGS_DRV_MODE, nullptr));
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = one.get());
    EXPECT_EQ(-EBUSY, bpf_xdp_attach(veth0, two.get(), XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE, &options));
    EXPECT_EQ(prog_info(one.get()).id, attached(veth0));
}

}  // namespace
}  // namespace test
