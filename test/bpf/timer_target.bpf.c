// A program that arms a timer; what it calls when it fires can be traced.
#include "trace.h"

char _license[] SEC("license") = "GPL";

struct element {
    struct bpf_timer timer;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct element);
} timers SEC(".maps");

static int fired(void* map, __u32* key, struct element* element) {
    record(30);
    return 0;
}

SEC("xdp")
int target(struct xdp_md* ctx) {
    __u32 zero = 0;
    struct element* element = bpf_map_lookup_elem(&timers, &zero);
    if (!element) return 0;
    record(10);
    bpf_timer_init(&element->timer, &timers, 1 /* CLOCK_MONOTONIC */);
    bpf_timer_set_callback(&element->timer, fired);
    return bpf_timer_start(&element->timer, 500000000, 0) == 0;
}
