// Parses Ethernet, VLAN tags, IPv4, IPv6, TCP and UDP; counts bytes by protocol and packets by source; drops UDP to a blocked port.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct source {
    __u32 address[4];
    __u16 port;
    __u16 protocol;
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 256);
    __type(key, __u32);
    __type(value, __u64);
} bytes_by_protocol SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, struct source);
    __type(value, __u64);
} packets_by_source SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u16);
    __type(value, __u8);
} blocked_ports SEC(".maps");

const volatile __u32 max_vlans = 2;

struct vlan_tag {
    __be16 tci;
    __be16 protocol;
};

SEC("xdp")
int xdp_parse(struct xdp_md* ctx) {
    void *at = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    struct source source = {};
    struct ethhdr* ethernet = at;
    if (ethernet + 1 > (struct ethhdr*)end) return XDP_ABORTED;
    at = ethernet + 1;
    __be16 kind = ethernet->h_proto;
    for (__u32 i = 0; i < 4 && i < max_vlans; i++) {
        if (kind != bpf_htons(ETH_P_8021Q) && kind != bpf_htons(ETH_P_8021AD)) break;
        struct vlan_tag* tag = at;
        if (tag + 1 > (struct vlan_tag*)end) return XDP_ABORTED;
        kind = tag->protocol;
        at = tag + 1;
    }
    if (kind == bpf_htons(ETH_P_IP)) {
        struct iphdr* ip = at;
        if (ip + 1 > (struct iphdr*)end || ip->ihl < 5) return XDP_ABORTED;
        source.address[0] = ip->saddr;
        source.protocol = ip->protocol;
        at += ip->ihl * 4;
    } else if (kind == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr* ip = at;
        if (ip + 1 > (struct ipv6hdr*)end) return XDP_ABORTED;
        __builtin_memcpy(source.address, &ip->saddr, sizeof source.address);
        source.protocol = ip->nexthdr;
        at = ip + 1;
    } else {
        return XDP_PASS;
    }

    __u16 destination = 0;
    if (source.protocol == IPPROTO_TCP) {
        struct tcphdr* tcp = at;
        if (tcp + 1 > (struct tcphdr*)end) return XDP_ABORTED;
        source.port = bpf_ntohs(tcp->source);
    } else if (source.protocol == IPPROTO_UDP) {
        struct udphdr* udp = at;
        if (udp + 1 > (struct udphdr*)end) return XDP_ABORTED;
        source.port = bpf_ntohs(udp->source);
        destination = bpf_ntohs(udp->dest);
    }

    __u32 protocol = source.protocol;
    __u64* bytes = bpf_map_lookup_elem(&bytes_by_protocol, &protocol);
    if (bytes) *bytes += ctx->data_end - ctx->data;
    __u64* packets = bpf_map_lookup_elem(&packets_by_source, &source);
    if (packets) {
        __sync_fetch_and_add(packets, 1);
    } else {
        __u64 one = 1;
        bpf_map_update_elem(&packets_by_source, &source, &one, BPF_NOEXIST);
    }
    return source.protocol == IPPROTO_UDP && bpf_map_lookup_elem(&blocked_ports, &destination) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
