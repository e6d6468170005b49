// Programs on what throws (exceptions.bpf.c), and an extension that throws itself.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

extern void bpf_throw(__u64 cookie) __ksym;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

static __always_inline void put(__u32 index, __u64 number) { bpf_map_update_elem(&seen, &index, &number, BPF_ANY); }

static __noinline int throws_below(struct xdp_md* ctx) {
    if (ctx->rx_queue_index == 0) bpf_throw(50);
    return 1;
}
SEC("freplace")
int throwing_extension(struct xdp_md* ctx) { return throws_below(ctx) + 100; }

SEC("freplace")
int quiet_extension(__u64 cookie) { return 60; }

SEC("fentry")
int before(__u64* arguments) {
    put(0, 1);
    return 0;
}
SEC("fexit")
int after(__u64* arguments) {
    __u64 result = 0;
    put(0, 2);
    bpf_get_func_ret(arguments, &result);
    put(1, result);
    return 0;
}
