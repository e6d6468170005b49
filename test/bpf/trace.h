// A shared record of which functions ran, in order: element 0 counts, the others hold what record() was given.
// Programs of several objects write to one trace when their `trace` maps are one map.
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define TRACE_SLOTS 64

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, TRACE_SLOTS);
    __type(key, __u32);
    __type(value, __u32);
} trace SEC(".maps");

static __always_inline void record(__u32 what) {
    __u32 zero = 0;
    __u32* count = bpf_map_lookup_elem(&trace, &zero);
    if (!count) return;
    __u32 slot = *count + 1;
    if (slot >= TRACE_SLOTS) return;
    *count = slot;
    __u32* place = bpf_map_lookup_elem(&trace, &slot);
    if (place) *place = what;
}
