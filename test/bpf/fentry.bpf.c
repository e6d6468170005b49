// fentry and fexit programs for the functions of xdp_target and tc_target, for extensions and for each other.
#include "trace.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

// As much of the kernel's types as these programs look at.
#define KERNEL_TYPE __attribute__((preserve_access_index))

struct net_device {
    int ifindex;
} KERNEL_TYPE;

struct xdp_rxq_info {
    struct net_device* dev;
    __u32 queue_index;
} KERNEL_TYPE;

struct xdp_txq_info {
    struct net_device* dev;
} KERNEL_TYPE;

struct xdp_buff {
    void* data;
    void* data_end;
    struct xdp_rxq_info* rxq;
    struct xdp_txq_info* txq;
} KERNEL_TYPE;

struct sk_buff {
    unsigned int len;
    struct net_device* dev;
    char cb[48];
    __u16 protocol;
} KERNEL_TYPE;

// What programs saw, for the tests to read.
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 8);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

static __always_inline void see(__u32 what, __u64 value) { bpf_map_update_elem(&seen, &what, &value, BPF_ANY); }

// --- int f(int) -----------------------------------------------------------------------------

SEC("fentry")
int BPF_PROG(enter_x, int v) {
    record(40);
    return 0;
}

SEC("fentry")
int BPF_PROG(enter_x_too, int v) {
    record(41);
    return 0;
}

SEC("fexit")
int BPF_PROG(leave_x, int v, int result) {
    record(50);
    record(1000 + result - v);
    return 0;
}

SEC("fexit")
int BPF_PROG(leave_x_too, int v, int result) {
    record(51);
    return 0;
}

// --- functions with the context ----------------------------------------------------------------

SEC("fentry")
int BPF_PROG(enter_xdp, struct xdp_buff* xdp) {
    record(60);
    see(0, xdp->rxq->dev->ifindex);
    see(1, xdp->data_end - xdp->data);
    see(2, xdp->txq->dev->ifindex + 1);  // there is no such device
    see(3, xdp->rxq->queue_index);
    return 0;
}

SEC("fexit")
int BPF_PROG(leave_xdp, struct xdp_buff* xdp, int result) {
    record(61);
    see(0, xdp->rxq->dev->ifindex);
    see(4, result);
    return 0;
}

SEC("fentry")
int BPF_PROG(enter_skb, struct sk_buff* skb) {
    record(62);
    see(0, skb->dev->ifindex);
    see(1, skb->len);
    see(2, skb->protocol);
    see(3, skb->cb[20]);
    return 0;
}

SEC("fexit")
int BPF_PROG(leave_skb, struct sk_buff* skb, int result) {
    record(63);
    see(1, skb->len);
    see(4, result);
    return 0;
}

// --- what the helpers say -----------------------------------------------------------------------

SEC("fentry")
int ask_before(__u64* ctx) {
    __u64 value = 99;
    see(0, bpf_get_func_arg_cnt(ctx));
    see(1, bpf_get_func_arg(ctx, 0, &value));
    see(2, value);
    see(3, bpf_get_func_arg(ctx, 7, &value));
    see(4, bpf_get_func_ret(ctx, &value));
    see(5, bpf_get_func_ip(ctx));
    see(6, bpf_get_attach_cookie(ctx));
    return 0;
}

SEC("fexit")
int ask_after(__u64* ctx) {
    __u64 value = 99;
    see(4, bpf_get_func_ret(ctx, &value));
    see(2, value);
    see(5, bpf_get_func_ip(ctx));
    see(6, bpf_get_attach_cookie(ctx));
    return 0;
}

// --- where BTF is not to be relied on: five registers and a result -----------------------------------

SEC("fexit")
int leave_raw(__u64* ctx) {
    record(70);
    see(0, ctx[0] != 0);
    see(5, ctx[5]);
    return 0;
}

SEC("fexit")
int leave_raw_too_far(__u64* ctx) {
    see(6, ctx[6]);
    return 0;
}

// --- with a function of its own -----------------------------------------------------------------------

__noinline int inner(int v) {
    record(81);
    return v + 1;
}

SEC("fentry")
int BPF_PROG(enter_with_inner, int v) {
    record(80);
    return inner(v) == v;
}

SEC("fentry")
int BPF_PROG(calls_inner, int v) {
    record(82);
    if (inner(v) == v) record(83);
    return 0;
}

SEC("fmod_ret")
int BPF_PROG(modify_x, int v, int result) { return 0; }
