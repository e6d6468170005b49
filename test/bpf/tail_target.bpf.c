// A target whose global function makes a tail call, and what it may land in.
#include "trace.h"

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 3);
    __type(key, __u32);
    __type(value, __u32);
} jumps SEC(".maps");

__noinline int get_t(struct xdp_md* ctx) {
    volatile int result = 50;
    bpf_tail_call(ctx, &jumps, 0);
    return result;
}

SEC("xdp")
int target(struct xdp_md* ctx) {
    record(10);
    return get_t(ctx) + 2;
}

SEC("xdp")
int callee(struct xdp_md* ctx) {
    record(30);
    return 300;
}
