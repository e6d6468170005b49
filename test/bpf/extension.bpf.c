// Programs that replace functions of xdp_target, and some that must not.
#include "trace.h"

char _license[] SEC("license") = "GPL";

enum number { ONE = 1 };
typedef int my_int;

SEC("freplace/get_x")
int new_x(int v) {
    record(20);
    return v + 1000;
}

SEC("freplace/get_x")
int newer_x(int v) {
    record(21);
    return v + 2000;
}

// --- prototypes beside int(int) -----------------------------------------------------------

SEC("freplace/get_x")
int two_arguments(int a, int b) { return a + b; }

SEC("freplace/get_x")
int no_argument(void) { return 1; }

SEC("freplace/get_x")
int long_argument(long v) { return v > 0; }

SEC("freplace/get_x")
int unsigned_argument(unsigned v) { return v > 0; }

SEC("freplace/get_x")
int char_argument(char v) { return v > 0; }

SEC("freplace/get_x")
int enum_argument(enum number v) { return v == ONE; }

SEC("freplace/get_x")
int pointer_argument(struct xdp_md* v) { return v != 0; }

SEC("freplace/get_x")
long long_result(int v) { return v + 1000L; }

SEC("freplace/get_x")
unsigned unsigned_result(int v) { return v; }

SEC("freplace/get_x")
char char_result(int v) { return v > 0; }

SEC("freplace/get_x")
void void_result(int v) { record((__u32)v); }

SEC("freplace/get_x")
my_int typedef_argument(my_int v) { return v + 1000; }

// --- the context ----------------------------------------------------------------------------

SEC("freplace/target")
int new_target(struct xdp_md* ctx) {
    record(22);
    return 77;
}

SEC("freplace/target")
int skb_target(struct __sk_buff* ctx) { return ctx->len > 0; }

SEC("freplace/target")
int void_target(void* ctx) { return ctx != 0; }

SEC("freplace/get_ctx")
int new_ctx(struct xdp_md* ctx) {
    record(23);
    return ctx->data_end - ctx->data > 0 ? 40 : 50;
}

SEC("freplace/get_ctx")
int void_ctx(void* ctx) { return ctx != 0; }

SEC("freplace/get_ctx")
int adjusting_ctx(struct xdp_md* ctx) { return bpf_xdp_adjust_head(ctx, 4); }

// --- for programs of tc ---------------------------------------------------------------------

SEC("freplace/get_ctx")
int new_skb_ctx(struct __sk_buff* ctx) {
    record(26);
    return ctx->len > 0 ? 41 : 51;
}

// bpf_xdp_adjust_head changes packets, and is for XDP.
SEC("freplace/target")
int adjusting_skb_target(struct __sk_buff* ctx) { return bpf_xdp_adjust_head((void*)ctx, 4); }

// This one leaves them as they are.
SEC("freplace/target")
int buff_len_skb_target(struct __sk_buff* ctx) { return bpf_xdp_get_buff_len((void*)ctx); }

SEC("freplace/get_ctx")
int pulling_skb_ctx(struct __sk_buff* ctx) { return bpf_skb_pull_data(ctx, 0); }

// A global function of an extension: not a place for another extension.
__noinline int inner(int v) {
    record(25);
    return v * 2;
}

SEC("freplace/get_y")
int calls_inner(int v) {
    record(24);
    return inner(v);
}
