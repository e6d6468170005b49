// Tail calls: a chain that counts itself until the kernel's limit, and a program that jumps to whatever the slot holds.
#include "trace.h"

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, __u32);
} programs SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} depth SEC(".maps");

// In slot 0 it calls itself: returns how often it ran.
SEC("xdp")
int again(struct xdp_md* ctx) {
    __u32 zero = 0;
    __u32* count = bpf_map_lookup_elem(&depth, &zero);
    if (!count) return 0;
    ++*count;
    bpf_tail_call(ctx, &programs, 0);
    return *count;
}

SEC("xdp")
int jump(struct xdp_md* ctx) {
    record(30);
    bpf_tail_call(ctx, &programs, 1);
    record(31);
    return 31;
}

SEC("xdp")
int landing(struct xdp_md* ctx) {
    record(32);
    return 32;
}

// A tail call from a subprogram returns to its caller's caller, not to main.
__noinline int jump_below(struct xdp_md* ctx) {
    volatile int result = 34;
    bpf_tail_call(ctx, &programs, 1);
    record(33);
    return result;
}

SEC("xdp")
int jump_from_function(struct xdp_md* ctx) {
    record(35);
    int result = jump_below(ctx);
    record(36);
    return result + 100;
}
