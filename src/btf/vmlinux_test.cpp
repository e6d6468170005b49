#include "btf/vmlinux.h"

#include <gtest/gtest.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <string>

#include "abi/kernel_types.h"

namespace graft {
namespace {

class Vmlinux : public testing::Test {
protected:
    Ref<Btf> btf = make_vmlinux_btf().value();

    void expect_size(const char* name, size_t size) {
        const auto type = btf->find(name, BTF_KIND_STRUCT);
        ASSERT_TRUE(type.ok()) << name;
        EXPECT_EQ(type->size(), size) << name;
    }
    void expect_offset(const char* name, const char* member, size_t offset) {
        const auto type = btf->find(name, BTF_KIND_STRUCT);
        ASSERT_TRUE(type.ok()) << name;
        for (uint32_t i = 0; i < type->vlen(); ++i) {
            if (type->member(i).name != member) continue;
            EXPECT_EQ(type->member(i).bit_offset, offset * 8) << name << "." << member;
            return;
        }
        ADD_FAILURE() << name << " has no member " << member;
    }
};

TEST_F(Vmlinux, IsTheKernels) {
    EXPECT_EQ(btf->object_name(), "vmlinux");
    EXPECT_TRUE(btf->kernel_btf());
}

#define EXPECT_SAME_SIZE(type) expect_size(#type, sizeof(type))
#define EXPECT_SAME_OFFSET(type, member) expect_offset(#type, #member, offsetof(type, member))

// The BTF comes from a compiler for another target: its layouts must be this host's.
TEST_F(Vmlinux, LayoutsAreTheHosts) {
    using namespace abi;
    EXPECT_SAME_SIZE(xdp_buff);
    EXPECT_SAME_OFFSET(xdp_buff, data_hard_start);
    EXPECT_SAME_OFFSET(xdp_buff, rxq);
    EXPECT_SAME_OFFSET(xdp_buff, flags);
    EXPECT_SAME_SIZE(xdp_rxq_info);
    EXPECT_SAME_OFFSET(xdp_rxq_info, reg_state);
    EXPECT_SAME_SIZE(xdp_txq_info);
    EXPECT_SAME_SIZE(net_device);
    EXPECT_SAME_OFFSET(net_device, netns_cookie);
    EXPECT_SAME_SIZE(sk_buff);
    EXPECT_SAME_OFFSET(sk_buff, len);
    EXPECT_SAME_OFFSET(sk_buff, hash);
    EXPECT_SAME_OFFSET(sk_buff, tstamp);
    EXPECT_SAME_OFFSET(sk_buff, truesize);
    EXPECT_SAME_SIZE(xdp_md);
    EXPECT_SAME_SIZE(__sk_buff);
    EXPECT_SAME_OFFSET(__sk_buff, hwtstamp);
    EXPECT_SAME_SIZE(iphdr);
    EXPECT_SAME_SIZE(ipv6hdr);
    EXPECT_SAME_SIZE(tcphdr);
    EXPECT_SAME_OFFSET(tcphdr, window);
    EXPECT_SAME_SIZE(bpf_fib_lookup);
    EXPECT_SAME_SIZE(bpf_prog_info);
    EXPECT_SAME_OFFSET(bpf_prog_info, verified_insns);
}

TEST_F(Vmlinux, HasTheNamesOfLinux) {
    for (const char* name : {"int", "unsigned int", "char", "signed char", "unsigned char", "short int", "short unsigned int", "long int",
                             "long unsigned int", "long long int", "long long unsigned int", "_Bool", "__int128"}) {
        EXPECT_TRUE(btf->find(name, BTF_KIND_INT).ok()) << name;
    }
    for (const char* name : {"__u8", "__u16", "__u32", "__u64", "u32", "s64", "__be16", "__be32", "bool", "size_t"}) {
        EXPECT_TRUE(btf->find(name, BTF_KIND_TYPEDEF).ok()) << name;
    }
    for (const char* name : {"ethhdr", "vlan_hdr", "udphdr", "bpf_timer", "bpf_spin_lock", "bpf_sock_tuple"}) {
        EXPECT_TRUE(btf->find(name, BTF_KIND_STRUCT).ok()) << name;
    }
}

TEST_F(Vmlinux, HasTheEnumerationsOfTheUapi) {
    const BtfType type = btf->find("bpf_attach_type", BTF_KIND_ENUM).value();
    for (const btf_enum& entry : type.enums()) {
        if (btf->name(entry.name_off) == "BPF_TRACE_FEXIT") {
            EXPECT_EQ(entry.val, BPF_TRACE_FEXIT);
            return;
        }
    }
    ADD_FAILURE() << "no BPF_TRACE_FEXIT";
}

TEST_F(Vmlinux, HasNothingElse) {
    for (uint32_t id = 1; id < btf->count(); ++id) {
        const BtfType type = btf->type(id);
        EXPECT_FALSE(type.is(BTF_KIND_VAR) || type.is(BTF_KIND_DATASEC) || type.is(BTF_KIND_FWD)) << type.name();
        EXPECT_NE(type.name(), "Types");
    }
}

}  // namespace
}  // namespace graft
