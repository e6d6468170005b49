// Programs that change the packet: a tag in front, a shorter tail, metadata; and one that answers with the context's fields.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int grow_head(struct xdp_md* ctx) {
    if (bpf_xdp_adjust_head(ctx, -4)) return XDP_ABORTED;
    unsigned char *data = (void*)(long)ctx->data, *end = (void*)(long)ctx->data_end;
    if (data + 4 > end) return XDP_ABORTED;
    data[0] = 0xde;
    data[1] = 0xad;
    data[2] = 0xbe;
    data[3] = 0xef;
    return XDP_TX;
}

SEC("xdp")
int cut_head(struct xdp_md* ctx) { return bpf_xdp_adjust_head(ctx, 14) ? XDP_ABORTED : XDP_PASS; }

SEC("xdp")
int cut_tail(struct xdp_md* ctx) { return bpf_xdp_adjust_tail(ctx, -10) ? XDP_ABORTED : XDP_PASS; }

SEC("xdp")
int grow_tail(struct xdp_md* ctx) { return bpf_xdp_adjust_tail(ctx, 10) ? XDP_ABORTED : XDP_PASS; }

SEC("xdp")
int set_meta(struct xdp_md* ctx) {
    if (bpf_xdp_adjust_meta(ctx, -8)) return XDP_ABORTED;
    unsigned char* data = (void*)(long)ctx->data;
    __u32* meta = (void*)(long)ctx->data_meta;
    if ((void*)(meta + 2) > (void*)data) return XDP_ABORTED;
    meta[0] = 0x11223344;
    meta[1] = 0x55667788;
    return XDP_PASS;
}

// Drops the metadata that the caller gave, after adding it up.
SEC("xdp")
int sum_meta(struct xdp_md* ctx) {
    unsigned char* data = (void*)(long)ctx->data;
    __u32* meta = (void*)(long)ctx->data_meta;
    if ((void*)(meta + 1) > (void*)data) return 1000;
    return *meta;
}

SEC("xdp")
int length(struct xdp_md* ctx) { return ctx->data_end - ctx->data; }

SEC("xdp")
int meta_length(struct xdp_md* ctx) { return ctx->data - ctx->data_meta; }

SEC("xdp")
int ingress(struct xdp_md* ctx) { return ctx->ingress_ifindex; }

SEC("xdp")
int queue(struct xdp_md* ctx) { return ctx->rx_queue_index; }

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} runs SEC(".maps");

// How often it ran.
SEC("xdp")
int count_runs(struct xdp_md* ctx) {
    __u32 zero = 0;
    __u32* count = bpf_map_lookup_elem(&runs, &zero);
    return count ? ++*count : 0;
}

char _license[] SEC("license") = "GPL";
