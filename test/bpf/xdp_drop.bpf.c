// Drops each packet; behind xdp_pass in a libxdp chain.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <xdp/xdp_helpers.h>

struct {
    __uint(priority, 20);
    __uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(xdp_drop);

SEC("xdp")
int xdp_drop(struct xdp_md* ctx) { return XDP_DROP; }

char _license[] SEC("license") = "GPL";
