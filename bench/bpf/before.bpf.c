// Runs before an extension.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("fentry/long_member")
int before(__u64* arguments) { return 0; }

char gpl[] SEC("license") = "GPL";
