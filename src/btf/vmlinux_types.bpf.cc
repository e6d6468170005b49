// The types that graft's vmlinux BTF describes.
//
// Compiled for the BPF target, whose layouts of these types equal those of 64-bit hosts (vmlinux_test compares them); only the BTF of the
// object is used, by tools/embed-btf.cpp.  A type is described when `types_of_this_kernel` holds it.  To add one: add it to a group.
// Freestanding: the C and C++ libraries' headers are made for hosts; freestanding/ has the two that are needed.

#include <linux/bpf.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stddef.h>

#include "abi/kernel_types.h"

// The short names that programs written for the kernel's headers use.
using u8 = __u8;
using u16 = __u16;
using u32 = __u32;
using u64 = __u64;
using s8 = __s8;
using s16 = __s16;
using s32 = __s32;
using s64 = __s64;

// Of the kernel's own if_vlan.h; programs that parse packets name it.
struct vlan_hdr {
    __be16 h_vlan_TCI;
    __be16 h_vlan_encapsulated_proto;
};

// What an event was when it happened: the registers, as the kernel names those of x86-64.
struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
    unsigned short cs;
    unsigned long flags, sp;
    unsigned short ss;
};

// The one set of operations that programs can be made for: Linux's own for tests, which cannot be registered there, either.
struct bpf_dummy_ops_state {
    int val;
};
struct bpf_dummy_ops {
    int (*test_1)(bpf_dummy_ops_state* cb);
    int (*test_2)(bpf_dummy_ops_state* cb, int a1, unsigned short a2, char a3, unsigned long a4);
    int (*test_sleepable)(bpf_dummy_ops_state* cb);
};
enum bpf_struct_ops_state {
    BPF_STRUCT_OPS_STATE_INIT,
    BPF_STRUCT_OPS_STATE_INUSE,
    BPF_STRUCT_OPS_STATE_TOBEFREE,
    BPF_STRUCT_OPS_STATE_READY,
};
struct bpf_struct_ops_common_value {
    unsigned int refcnt;
    bpf_struct_ops_state state;
};
struct bpf_struct_ops_bpf_dummy_ops {
    bpf_struct_ops_common_value common;
    alignas(64) bpf_dummy_ops data;
};

enum xdp_rss_hash_type {
    XDP_RSS_TYPE_NONE = 0,
    XDP_RSS_L3_IPV4 = 1 << 0,
    XDP_RSS_L3_IPV6 = 1 << 1,
    XDP_RSS_L4 = 1 << 3,
    XDP_RSS_L4_TCP = 1 << 4,
    XDP_RSS_L4_UDP = 1 << 5,
};

// Where a netfilter program is called.
struct nf_hook_state {
    u8 hook;
    u8 pf;
    graft::abi::net_device* in;
    graft::abi::net_device* out;
};
struct bpf_nf_ctx {
    const nf_hook_state* state;
    graft::abi::sk_buff* skb;
};

// The groups themselves are not described.
struct Types {
    struct {
        char a;
        signed char b;
        unsigned char c;
        short d;
        unsigned short e;
        int f;
        unsigned int g;
        long h;
        unsigned long i;
        long long j;
        unsigned long long k;
        bool l;
        __int128 m;
        unsigned __int128 n;
        u8 o;
        u16 p;
        u32 q;
        u64 r;
        s8 s;
        s16 t;
        s32 u;
        s64 v;
        __be16 w;
        __be32 x;
        __be64 y;
        __wsum z;
        size_t size;
    } numbers;

    // What packets consist of.
    struct {
        ethhdr a;
        vlan_hdr b;
        arphdr c;
        iphdr d;
        ipv6hdr e;
        ipv6_opt_hdr f;
        icmphdr g;
        icmp6hdr h;
        tcphdr i;
        udphdr j;
    } headers;

    // Contexts.
    struct {
        __sk_buff a;
        xdp_md b;
        bpf_sock_addr c;
        bpf_sock_ops d;
        bpf_cgroup_dev_ctx e;
        bpf_sysctl f;
        bpf_sockopt g;
        sk_msg_md h;
        sk_reuseport_md i;
        bpf_sk_lookup j;
        pt_regs k;
        bpf_nf_ctx l;
        nf_hook_state m;
    } contexts;

    // What helpers and maps take and give.
    struct {
        bpf_sock a;
        bpf_tcp_sock b;
        bpf_sock_tuple c;
        bpf_fib_lookup d;
        bpf_redir_neigh e;
        bpf_tunnel_key f;
        bpf_xfrm_state g;
        bpf_flow_keys h;
        bpf_spin_lock i;
        bpf_timer j;
        bpf_dynptr k;
        bpf_devmap_val l;
        bpf_cpumap_val m;
        bpf_perf_event_value n;
        btf_ptr o;
        bpf_pidns_info p;
        bpf_lpm_trie_key q;
        bpf_struct_ops_bpf_dummy_ops r;
        bpf_dummy_ops_state s;
    } values;

    // What bpf(2) takes and gives.
    struct {
        bpf_insn a;
        bpf_attr b;
        bpf_prog_info c;
        bpf_map_info d;
        bpf_btf_info e;
        bpf_link_info f;
        bpf_func_info g;
        bpf_line_info h;
        bpf_core_relo i;
    } commands;

    struct {
        bpf_cmd a;
        bpf_map_type b;
        bpf_prog_type c;
        bpf_attach_type d;
        bpf_link_type e;
        bpf_func_id f;
        bpf_adj_room_mode g;
        bpf_hdr_start_off h;
        bpf_ret_code i;
        bpf_stats_type j;
        bpf_cgroup_iter_order k;
        xdp_action l;
        sk_action m;
    } enumerations;

    struct {
        graft::abi::net_device a;
        graft::abi::xdp_rxq_info b;
        graft::abi::xdp_txq_info c;
        graft::abi::xdp_buff d;
        graft::abi::sk_buff e;
    } kernel;
};

extern "C" {
Types types_of_this_kernel;

// The functions that programs may call (helper/kfuncs.h): prototypes alone matter.  (Without optimising, clang names no arguments.)
int bpf_dynptr_from_skb(__sk_buff* s, u64 flags, bpf_dynptr* ptr__uninit) { return s == nullptr || flags != 0 || ptr__uninit == nullptr; }
int bpf_dynptr_from_xdp(xdp_md* x, u64 flags, bpf_dynptr* ptr__uninit) { return x == nullptr || flags != 0 || ptr__uninit == nullptr; }
// Stands in for a member of bpf_dummy_ops: which arguments may be null.
int bpf_dummy_ops__test_1(bpf_dummy_ops_state* cb__nullable) { return cb__nullable == nullptr; }
void bpf_throw(u64 cookie) { (void)cookie; }
int bpf_xdp_metadata_rx_timestamp(const xdp_md* ctx, u64* timestamp) { return ctx == nullptr || timestamp == nullptr; }
int bpf_xdp_metadata_rx_hash(const xdp_md* ctx, u32* hash, xdp_rss_hash_type* rss_type) {
    return ctx == nullptr || hash == nullptr || rss_type == nullptr;
}
int bpf_xdp_metadata_rx_vlan_tag(const xdp_md* ctx, __be16* vlan_proto, u16* vlan_tci) {
    return ctx == nullptr || vlan_proto == nullptr || vlan_tci == nullptr;
}
int bpf_copy_from_user_str(void* dst, u32 dst__sz, const void* unsafe_ptr__ign, u64 flags) {
    return dst == nullptr || dst__sz == 0 || unsafe_ptr__ign == nullptr || flags != 0;
}
void* bpf_dynptr_slice(const bpf_dynptr* p, u32 offset, void* buffer__opt, u32 buffer__szk) {
    return p == nullptr || offset + buffer__szk == 0 ? nullptr : buffer__opt;
}
void* bpf_dynptr_slice_rdwr(const bpf_dynptr* p, u32 offset, void* buffer__opt, u32 buffer__szk) {
    return p == nullptr || offset + buffer__szk == 0 ? nullptr : buffer__opt;
}
}
