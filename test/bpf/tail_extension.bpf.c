// Replacements of tail_target's get_t: one that returns, one that makes a tail call of its own.
#include "trace.h"

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 3);
    __type(key, __u32);
    __type(value, __u32);
} jumps SEC(".maps");

SEC("freplace/get_t")
int new_t(struct xdp_md* ctx) {
    record(24);
    return 60;
}

SEC("freplace/get_t")
int jumping_t(struct xdp_md* ctx) {
    volatile int result = 70;
    record(25);
    bpf_tail_call(ctx, &jumps, 0);
    return result;
}
