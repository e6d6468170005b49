// The body of the freplace targets: two objects hold the same functions at different BTF ids.
#pragma once

#include "trace.h"

char _license[] SEC("license") = "GPL";

__noinline int get_x(int v) {
    record(11);
    return v + 1;
}

__noinline int get_y(int v) {
    record(12);
    return v + 2;
}

static __noinline int get_static(int v) {
    record(13);
    return v + 3;
}

// Verified with a pointer for which its prototype has no rule: Linux takes its BTF for unreliable.
static __noinline int get_static_pointer(void* p) {
    record(16);
    return *(int*)p + 3;
}

__noinline int get_ctx(struct CONTEXT* ctx) {
    record(14);
    return ctx->INTERFACE ? 4 : 5;
}

__noinline int get_two(int a, int b) {
    record(15);
    return a * 10 + b;
}

SEC(SECTION)
int target(struct CONTEXT* ctx) {
    record(10);
    int sum = get_x(100);
    sum += get_y(200);
    sum += get_static((int)ctx->INTERFACE);
    sum += get_static_pointer(&sum);
    sum += get_ctx(ctx);
    sum += get_two(sum, 7);
    record(19);
    return sum;
}
