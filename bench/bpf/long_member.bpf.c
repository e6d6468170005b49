// A member of about 1,000 instructions.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define STEP(n)               \
    number = number * 31 + n; \
    number ^= number >> 7;
#define STEPS_10(n) STEP(n) STEP(n + 1) STEP(n + 2) STEP(n + 3) STEP(n + 4) STEP(n + 5) STEP(n + 6) STEP(n + 7) STEP(n + 8) STEP(n + 9)
#define STEPS_100(n) \
    STEPS_10(n)      \
    STEPS_10(n + 10) \
    STEPS_10(n + 20) STEPS_10(n + 30) STEPS_10(n + 40) STEPS_10(n + 50) STEPS_10(n + 60) STEPS_10(n + 70) STEPS_10(n + 80) STEPS_10(n + 90)

SEC("freplace/prog0")
int long_member(struct xdp_md* ctx) {
    __u64 number = ctx->rx_queue_index;

    STEPS_100(0)
    STEPS_100(100)
    return number == 1 ? XDP_DROP : XDP_PASS;
}

char gpl[] SEC("license") = "GPL";
