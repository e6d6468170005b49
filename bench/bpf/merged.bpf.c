// What a dispatcher and its members would be if somebody wrote them as one program.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 members = 10;
const volatile __u32 chain_call_actions = 1 << XDP_PASS;

static __always_inline int member(void) {
    int verdict = XDP_PASS;

    asm volatile("" : "+r"(verdict));
    return verdict;
}

SEC("xdp")
int merged(struct xdp_md* ctx) {
    int verdict;

#pragma unroll
    for (__u32 i = 0; i < 10; i++) {
        if (i == members) break;
        verdict = member();
        if (!((1U << verdict) & chain_call_actions)) return verdict;
    }
    return XDP_PASS;
}

char gpl[] SEC("license") = "GPL";
