#include "hook/xdp.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "image/target_registry.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

struct Xdp : testing::Test {
    static constexpr DeviceKey veth{1, 3}, lo{1, 1};
    XdpDevices devices;
    TargetRegistry targets{default_engine(), test::run_state()};
    IdTable<Program> ids;
    Ref<Program> a = load(XDP_DROP), b = load(XDP_TX), devmap = load(XDP_PASS, BPF_XDP_DEVMAP);
    Ref<Program> tc = load(0, 0, BPF_PROG_TYPE_SCHED_CLS);
    // Two links by their addresses.
    Ref<Object> link = a, other_link = b;
    Ref<XdpPort> port = devices.port(veth);

    ~Xdp() override {
        devices.namespace_gone(1);
        rcu::barrier();
    }

    Ref<Program> load(int action, uint32_t expected_attach_type = 0, uint32_t type = BPF_PROG_TYPE_XDP) {
        ProgramFacts facts;
        facts.type = type;
        facts.expected_attach_type = expected_attach_type;
        Ref<Program> program = make_program(std::vector<Insns>{{mov(0, action), exit()}}, facts);
        EXPECT_TRUE(targets.link(*program).ok());
        program->register_in(ids);
        return program;
    }
    int set(DeviceKey key, const Ref<Program>& program, uint32_t flags = 0, const Ref<Program>& expected = nullptr) {
        return devices.set_by_netlink(key, {program, expected, flags}).code();
    }
    int attach(DeviceKey key, const Ref<Object>& owner, const Ref<Program>& program, uint32_t flags = 0) {
        return devices.attach_link(key, owner.get(), program, flags).code();
    }
    uint32_t verdict() const {
        abi::xdp_buff frame{};
        RunContext context;
        const RunScope scope(context);
        const rcu::ReadGuard guard;
        return port->run(frame, context);
    }
};

TEST_F(Xdp, NothingAttachedPasses) {
    EXPECT_FALSE(port->attached());
    EXPECT_EQ(verdict(), uint32_t{XDP_PASS});
    EXPECT_EQ(devices.query(veth).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(set(veth, nullptr), 0);
}

TEST_F(Xdp, NetlinkAttachesReplacesAndDetaches) {
    EXPECT_EQ(set(veth, a), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_EQ(devices.query(veth).mode, XDP_ATTACHED_DRV);
    EXPECT_EQ(devices.query(veth).drv_id, a->id());
    EXPECT_EQ(set(veth, b, XDP_FLAGS_DRV_MODE), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_TX});
    EXPECT_EQ(set(veth, nullptr, XDP_FLAGS_SKB_MODE), 0);  // nothing there: fine, and changes nothing
    EXPECT_EQ(verdict(), uint32_t{XDP_TX});
    EXPECT_EQ(set(veth, nullptr), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_PASS});
}

// As asked of Linux 6.12 on a veth and on lo.
TEST_F(Xdp, NetlinkRefusals) {
    ASSERT_EQ(set(veth, a), 0);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_UPDATE_IF_NOEXIST), EBUSY);
    EXPECT_EQ(set(veth, a, XDP_FLAGS_UPDATE_IF_NOEXIST), EBUSY);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_SKB_MODE), EEXIST);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_HW_MODE), EINVAL);
    EXPECT_EQ(set(veth, nullptr, XDP_FLAGS_HW_MODE), 0);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_SKB_MODE | XDP_FLAGS_DRV_MODE), EINVAL);
    EXPECT_EQ(set(veth, b, 1 << 5), EINVAL);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_REPLACE, b), EEXIST);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_REPLACE), EEXIST);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_REPLACE, tc), EINVAL);
    EXPECT_EQ(set(veth, tc), EINVAL);
    EXPECT_EQ(set(veth, devmap), EINVAL);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_EQ(set(veth, b, XDP_FLAGS_REPLACE, a), 0);
    EXPECT_EQ(set(veth, nullptr, XDP_FLAGS_REPLACE, b), 0);
    EXPECT_EQ(set(veth, nullptr, XDP_FLAGS_REPLACE, b), EEXIST);
}

TEST_F(Xdp, GenericModeOnly) {
    EXPECT_EQ(set(lo, a), 0);
    EXPECT_EQ(devices.query(lo).mode, XDP_ATTACHED_SKB);
    EXPECT_EQ(devices.query(lo).skb_id, a->id());
    EXPECT_EQ(set(lo, b, XDP_FLAGS_DRV_MODE), EOPNOTSUPP);
    EXPECT_EQ(set(lo, nullptr), 0);
    EXPECT_EQ(set(lo, b, XDP_FLAGS_DRV_MODE), EOPNOTSUPP);
    EXPECT_EQ(set(lo, b, XDP_FLAGS_HW_MODE), EOPNOTSUPP);
}

TEST_F(Xdp, GenericModeOfAPort) {
    ASSERT_EQ(set(veth, a, XDP_FLAGS_SKB_MODE), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_EQ(set(veth, b), EEXIST);
    EXPECT_EQ(set(veth, nullptr), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_EQ(set(veth, nullptr, XDP_FLAGS_SKB_MODE), 0);
    EXPECT_FALSE(port->attached());
}

TEST_F(Xdp, ALinkHoldsTheInterface) {
    ASSERT_EQ(attach(veth, link, a), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_TRUE(devices.interface_of_link(link.get()).has_value());
    EXPECT_EQ(set(veth, b), EBUSY);
    EXPECT_EQ(set(veth, nullptr), EBUSY);
    EXPECT_EQ(set(veth, b, XDP_FLAGS_SKB_MODE), EEXIST);
    EXPECT_EQ(attach(veth, other_link, b), EBUSY);
    EXPECT_EQ(attach(veth, other_link, b, XDP_FLAGS_SKB_MODE), EEXIST);
    EXPECT_EQ(devices.update_link(link.get(), b).code(), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_TX});
    EXPECT_EQ(devices.update_link(link.get(), devmap).code(), EINVAL);
    EXPECT_EQ(devices.update_link(other_link.get(), a).code(), ENOLINK);
    devices.detach_link(other_link.get());
    EXPECT_EQ(verdict(), uint32_t{XDP_TX});
    devices.detach_link(link.get());
    EXPECT_EQ(verdict(), uint32_t{XDP_PASS});
    EXPECT_FALSE(devices.interface_of_link(link.get()).has_value());
}

TEST_F(Xdp, LinkRefusals) {
    EXPECT_EQ(attach(veth, link, a, XDP_FLAGS_UPDATE_IF_NOEXIST), EINVAL);
    EXPECT_EQ(attach(veth, link, a, XDP_FLAGS_REPLACE), EINVAL);
    EXPECT_EQ(attach(veth, link, devmap), EINVAL);
    EXPECT_EQ(attach(veth, link, a, XDP_FLAGS_HW_MODE), EINVAL);
    EXPECT_EQ(attach(lo, link, a, XDP_FLAGS_DRV_MODE), EOPNOTSUPP);
    ASSERT_EQ(set(veth, a), 0);
    EXPECT_EQ(attach(veth, link, b), EBUSY);
}

TEST_F(Xdp, AnInterfaceThatGoesDropsItsProgram) {
    const uint32_t before = a->ref_count();
    ASSERT_EQ(set(veth, a), 0);
    devices.interface_gone(veth);
    rcu::barrier();
    EXPECT_EQ(a->ref_count(), before);
    EXPECT_EQ(verdict(), uint32_t{XDP_PASS});  // the packet thread may still hold the port

    ASSERT_EQ(attach(lo, link, a), 0);
    ASSERT_EQ(set({2, 1}, b), 0);
    devices.namespace_gone(1);
    EXPECT_FALSE(devices.interface_of_link(link.get()).has_value());
    EXPECT_EQ(devices.update_link(link.get(), b).code(), ENOLINK);
    EXPECT_EQ(devices.query({2, 1}).skb_id, b->id());
    devices.namespace_gone(2);
}

TEST_F(Xdp, WhatIsAttachedMovesWithItsInterface) {
    constexpr DeviceKey there{2, 7};
    ASSERT_EQ(attach(veth, link, a), 0);
    devices.moved(veth, there);
    EXPECT_EQ(devices.query(veth).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(devices.query(there).drv_id, a->id());
    EXPECT_EQ(devices.interface_of_link(link.get()), there);
    EXPECT_EQ(verdict(), uint32_t{XDP_DROP});
    EXPECT_EQ(devices.update_link(link.get(), b).code(), 0);
    EXPECT_EQ(verdict(), uint32_t{XDP_TX});
    devices.detach_link(link.get());
    EXPECT_EQ(devices.query(there).mode, XDP_ATTACHED_NONE);
    EXPECT_EQ(set(there, a, XDP_FLAGS_DRV_MODE), 0);  // still a port
    devices.moved({9, 9}, there);                     // nobody has heard of it
    EXPECT_EQ(devices.query(there).drv_id, a->id());
    devices.namespace_gone(2);
}

TEST_F(Xdp, NativeModeIsKnown) {
    EXPECT_FALSE(port->native());
    ASSERT_EQ(set(veth, a), 0);
    EXPECT_TRUE(port->native());
    ASSERT_EQ(set(veth, nullptr), 0);
    ASSERT_EQ(set(veth, a, XDP_FLAGS_SKB_MODE), 0);
    EXPECT_FALSE(port->native());
}

// 3506 is what veth of Linux 6.12 names as the largest.
TEST_F(Xdp, FramesMustFitABufferInNativeMode) {
    devices.set_peer_mtu(veth, 3507);
    EXPECT_EQ(set(veth, a), ERANGE);
    EXPECT_EQ(set(veth, a, XDP_FLAGS_SKB_MODE), 0);
    EXPECT_EQ(devices.peer_mtu_limit(veth), std::nullopt);
    ASSERT_EQ(set(veth, nullptr, XDP_FLAGS_SKB_MODE), 0);
    devices.set_peer_mtu(veth, 3506);
    EXPECT_EQ(set(veth, a), 0);
    EXPECT_EQ(devices.peer_mtu_limit(veth), 3506U);
}

TEST_F(Xdp, InterfacesThatCarryNoPacketsAreNamed) {
    EXPECT_TRUE(devices.attached_without_packets().empty());
    ASSERT_EQ(set(lo, a), 0);
    ASSERT_EQ(set(veth, a), 0);
    EXPECT_EQ(devices.attached_without_packets(), std::vector{lo});
}

}  // namespace
}  // namespace graft
