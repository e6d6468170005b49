// A member that prints what it sees, and passes it.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC("xdp")
int prints(struct xdp_md* ctx) {
    bpf_printk("a frame of %d bytes", ctx->data_end - ctx->data);
    return XDP_PASS;
}
