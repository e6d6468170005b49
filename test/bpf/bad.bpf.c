// Programs that must not load, one fault each.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u64);
} values SEC(".maps");

SEC("xdp")
int unchecked_packet(struct xdp_md* ctx) {
    unsigned char* data = (void*)(long)ctx->data;
    return data[12];
}

SEC("xdp")
int packet_one_too_far(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    return data + 14 > end ? XDP_DROP : data[14];
}

SEC("xdp")
int unchecked_map_value(struct xdp_md* ctx) {
    __u32 zero = 0;
    __u64* value = bpf_map_lookup_elem(&values, &zero);
    return (int)*value;
}

SEC("xdp")
int beyond_map_value(struct xdp_md* ctx) {
    __u32 zero = 0;
    volatile __u64* value = bpf_map_lookup_elem(&values, &zero);
    return value ? (int)value[1] : 0;
}

SEC("xdp")
int endless(struct xdp_md* ctx) {
    for (volatile int i = 0;; i++) {
        if (i < 0) break;
    }
    return XDP_PASS;
}

SEC("xdp")
int context_out_of_bounds(struct xdp_md* ctx) { return ((volatile __u32*)ctx)[16]; }

SEC("xdp")
int context_write(struct xdp_md* ctx) {
    ((volatile __u32*)ctx)[3] = 1;
    return XDP_PASS;
}

SEC("xdp")
int packet_after_change(struct xdp_md* ctx) {
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 20 > end) return XDP_DROP;
    if (bpf_xdp_adjust_head(ctx, 4)) return XDP_DROP;
    return data[0];
}

static __noinline int deeper(struct xdp_md* ctx) {
    volatile char big[300] = {};
    return big[ctx->ingress_ifindex & 255];
}

SEC("xdp")
int stack_too_deep(struct xdp_md* ctx) {
    volatile char big[300] = {};
    return big[ctx->rx_queue_index & 255] + deeper(ctx);
}

char _license[] SEC("license") = "GPL";
