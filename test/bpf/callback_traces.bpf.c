// A fentry program for a callback: it counts.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} count SEC(".maps");

SEC("fentry/round")
int before_round(__u64* ctx) {
    __u32 zero = 0;
    __u64* value = bpf_map_lookup_elem(&count, &zero);
    if (value) *value += 1;
    return 0;
}
