// Programs that trace functions of other programs.  Each records its number, then what it sees.
#include "trace.h"

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} address SEC(".maps");

SEC("fentry/get_x")
int fentry_a(__u64* ctx) {
    record(40);
    return 0;
}

SEC("fentry/get_x")
int fentry_b(__u64* ctx) {
    record(41);
    return 0;
}

SEC("fexit/get_x")
int fexit_a(__u64* ctx) {
    record(50);
    return 0;
}

SEC("fexit/get_x")
int fexit_b(__u64* ctx) {
    record(51);
    return 0;
}

// --- of a function int(int) -----------------------------------------------------------------------------

SEC("fentry/get_x")
int fentry_argument(__u64* ctx) {
    record(42);
    record((__u32)ctx[0]);
    return 0;
}

SEC("fexit/get_x")
int fexit_result(__u64* ctx) {
    record(52);
    record((__u32)ctx[0]);
    record((__u32)ctx[1]);
    return 0;
}

SEC("fexit/get_x")
int helpers(__u64* ctx) {
    __u64 value = 0;
    record(53);
    record((__u32)bpf_get_func_arg_cnt(ctx));
    record((__u32)bpf_get_func_arg(ctx, 0, &value));
    record((__u32)value);
    record((__u32)-bpf_get_func_arg(ctx, 1, &value));
    record((__u32)bpf_get_func_ret(ctx, &value));
    record((__u32)value);
    record((__u32)bpf_get_attach_cookie(ctx));
    return 0;
}

SEC("fentry/get_x")
int result_too_early(__u64* ctx) {
    __u64 value = 0;
    record(43);
    record((__u32)-bpf_get_func_ret(ctx, &value));
    return 0;
}

SEC("fentry/get_x")
int function_address(__u64* ctx) {
    __u32 zero = 0;
    __u64 ip = bpf_get_func_ip(ctx);
    bpf_map_update_elem(&address, &zero, &ip, BPF_ANY);
    return 0;
}

// A function of a tracing program: to be traced in turn.
__noinline int inner(int v) {
    record(45);
    return v + 1;
}

SEC("fentry/get_x")
int calls_inner(__u64* ctx) {
    record(44);
    return inner((int)ctx[0]) > 0 ? 0 : 0;
}

// --- of a function whose BTF is not reliable: five numbers and a result ---------------------------------

SEC("fexit/get_static_pointer")
int raw_result(__u64* ctx) {
    record(54);
    record((__u32)ctx[5]);
    return 0;
}
