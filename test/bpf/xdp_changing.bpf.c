// A program whose global function changes the packet: its extensions may, too.
#include "trace.h"

char _license[] SEC("license") = "GPL";

__noinline int get_ctx(struct xdp_md* ctx) {
    record(14);
    return bpf_xdp_adjust_head(ctx, 4);
}

SEC("xdp")
int target(struct xdp_md* ctx) { return get_ctx(ctx); }
