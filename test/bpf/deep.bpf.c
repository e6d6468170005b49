// A program of eight frames, and functions of as many that replace its innermost.  Each adds 1 to what the one below it returns.
#include "trace.h"

char _license[] SEC("license") = "GPL";

// 64 bytes of stack in each of eight frames: all that there is.
#define CALLS(name, below)              \
    static __noinline int name(int v) { \
        volatile char kept[48] = {1};   \
        return below(v) + kept[0];      \
    }

__noinline int innermost(int v) {
    record(1);
    asm volatile("" : "+r"(v));  // else a caller takes its own value for what this returns
    return v;
}
CALLS(below_1, innermost)
CALLS(below_2, below_1)
CALLS(below_3, below_2)
CALLS(below_4, below_3)
CALLS(below_5, below_4)
CALLS(below_6, below_5)

SEC("xdp")
int target(struct xdp_md* ctx) { return below_6(100) + 1; }

SEC("freplace/innermost")
int eight_more(int v) { return below_6(v) + 1001; }

CALLS(below_7, below_6)

SEC("freplace/innermost")
int nine_more(int v) { return below_7(v) + 1001; }

SEC("fentry/innermost")
int watching(__u64* ctx) {
    record((__u32)below_6((int)ctx[0]));
    return 0;
}
