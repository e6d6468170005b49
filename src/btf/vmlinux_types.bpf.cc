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
}
