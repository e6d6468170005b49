// A member of a dispatcher's chain that only passes.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("freplace/prog0")
int member(struct xdp_md* ctx) { return XDP_PASS; }

char gpl[] SEC("license") = "GPL";
