// A program that hands records to a perf buffer, and one that watches it and hands over the frame.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __type(key, __u32);
    __type(value, __u32);
} events SEC(".maps");

__u32 number = 0;
long answer = 0;

SEC("xdp")
int count(struct xdp_md* ctx) {
    __u32 record[2] = {0xabcd, ++number};
    answer = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, record, sizeof record);
    return XDP_PASS;
}

SEC("xdp")
int misuse(struct xdp_md* ctx) {
    __u32 record[2] = {};
    switch (number) {
        case 0:
            return -bpf_perf_event_output(ctx, &events, 100000, record, sizeof record);
        case 1:
            return -bpf_perf_event_output(ctx, &events, 1ULL << 60, record, sizeof record);
        default:
            return -bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, record, sizeof record);
    }
}

SEC("xdp")
int count_frame(struct xdp_md* ctx) {
    __u32 record[2] = {0xbeef, ++number};
    answer = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | (8ULL << 32), record, sizeof record);
    return XDP_PASS;
}

SEC("tc")
int count_skb(struct __sk_buff* ctx) {
    __u32 record[2] = {0xbeef, ++number};
    answer = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | (8ULL << 32), record, sizeof record);
    return 0;
}

SEC("xdp")
int count_too_much(struct xdp_md* ctx) {
    __u32 record[2] = {};
    answer = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | (5000ULL << 32), record, sizeof record);
    return XDP_PASS;
}

struct xdp_buff {
    void* data;
    void* data_end;
} __attribute__((preserve_access_index));

SEC("fentry")
int BPF_PROG(watch, struct xdp_buff* xdp) {
    __u32 record[2] = {0xf00d, xdp->data_end - xdp->data};
    answer = bpf_xdp_output(xdp, &events, BPF_F_CURRENT_CPU | (20ULL << 32), record, sizeof record);
    return 0;
}

SEC("fentry")
int BPF_PROG(watch_too_much, struct xdp_buff* xdp) {
    __u32 record[2] = {};
    answer = bpf_xdp_output(xdp, &events, BPF_F_CURRENT_CPU | (5000ULL << 32), record, sizeof record);
    return 0;
}
