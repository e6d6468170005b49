// Counts packets and answers with the verdict that a client put into a map; XDP_REDIRECT goes through a devmap's slot 0.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} verdict SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 8);
    __type(key, __u32);
    __type(value, __u64);
} packets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} ports SEC(".maps");

SEC("xdp")
int xdp_verdict(struct xdp_md* ctx) {
    __u32 zero = 0;
    __u32* chosen = bpf_map_lookup_elem(&verdict, &zero);
    if (!chosen) return XDP_ABORTED;
    __u32 answer = *chosen & 7;
    __u64* count = bpf_map_lookup_elem(&packets, &answer);
    if (count) (*count)++;
    return answer == XDP_REDIRECT ? bpf_redirect_map(&ports, 0, XDP_DROP) : answer;
}

char _license[] SEC("license") = "GPL";
