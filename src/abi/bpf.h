// The wire contract of bpf(2): the system's uapi header, and what Linux 6.12 has beyond it.
//
// Numbers and field offsets are Linux's.  `Attr` is large enough for every client we have seen (168 bytes); fields newer than the system
// header are read by the offsets below.
#pragma once

#include <linux/bpf.h>
#include <linux/btf.h>

#include <cstddef>
#include <cstdint>

#include "abi/graft.h"

namespace graft::abi {

// union bpf_attr as this kernel knows it: 6.12's is 152 bytes.  A longer one must be zero past attr_size (E2BIG).
inline constexpr uint32_t attr_size = GRAFT_ATTR_OFFSET;
// With what graft knows behind it.
inline constexpr uint32_t own_attr_size = attr_size + sizeof(graft_attr);

union Attr {
    unsigned char raw[own_attr_size];  // first: Attr{} makes all of it zero
    bpf_attr uapi;
};
static_assert(sizeof(bpf_attr) <= attr_size);

// Commands after 6.1.
inline constexpr int cmd_token_create = 36;

// Program types after 6.1 (BPF_PROG_TYPE_NETFILTER).
inline constexpr uint32_t prog_type_netfilter = 32;
inline constexpr uint32_t prog_type_end = 33;

// Map types after 6.1 (CGRP_STORAGE, ARENA).
inline constexpr uint32_t map_type_cgrp_storage = 32;
inline constexpr uint32_t map_type_arena = 33;
inline constexpr uint32_t map_type_end = 34;

// Link types after 6.1.
inline constexpr uint32_t link_type_netfilter = 10, link_type_tcx = 11, link_type_uprobe_multi = 12, link_type_netkit = 13,
                          link_type_sockmap = 14;

// attach types after 6.1 start here; 6.12 knows [0, 57).
inline constexpr uint32_t attach_type_end = 57;

// BPF_PROG_LOAD flags after 6.1.
inline constexpr uint32_t f_xdp_dev_bound_only = 1U << 6, f_test_reg_invariants = 1U << 7, f_token_fd = 1U << 16;

// Flags of bpf_timer_start.
inline constexpr uint64_t f_timer_abs = 1U << 0, f_timer_cpu_pin = 1U << 1;

// Flags of BPF_OBJ_PIN and BPF_OBJ_GET after 6.1.
inline constexpr uint32_t f_path_fd = 1U << 14;

// attach types after 6.1 that graft answers queries for.
inline constexpr uint32_t attach_tcx_ingress = 46, attach_tcx_egress = 47;
// and those that programs are made for.
inline constexpr uint32_t attach_struct_ops = 44, attach_netfilter = 45, attach_unix_connect = 49, attach_unix_sendmsg = 50,
                          attach_unix_recvmsg = 51, attach_unix_getpeername = 52, attach_unix_getsockname = 53;

// Offsets of the fields after 6.1 in the attr of their command.
inline constexpr size_t prog_load_log_true_size = 140, prog_load_token_fd = 144;
inline constexpr size_t btf_load_log_true_size = 28, btf_load_flags = 32, btf_load_token_fd = 36;
static_assert(offsetof(bpf_attr, core_relo_rec_size) == 136);
static_assert(offsetof(bpf_attr, btf_log_level) == 24);

inline constexpr size_t obj_path_fd = 16;
inline constexpr size_t prog_attach_relative_fd = 20, prog_attach_expected_revision = 24;
inline constexpr size_t query_revision = 56;

// bpf_link_info of 6.12 is longer than the system header's.
union LinkInfo {
    unsigned char raw[64];
    bpf_link_info uapi;
};
static_assert(sizeof(LinkInfo) == 64);

// Instruction encodings after 6.1 (cpu v4).
inline constexpr uint8_t memsx = 0x80;  // BPF_LDX mode: sign-extending load
// BPF_LDX modes of verified programs, which no client may give: loads that may meet a null pointer (verified.h).
inline constexpr uint8_t probe_mem = 0x20, probe_memsx = 0x40;
inline constexpr uint8_t jcond = 0xe0;  // BPF_JMP operation: may_goto
inline constexpr int32_t addr_space_cast = 1;

// Frame limits.
inline constexpr uint32_t max_insns_privileged = 1'000'000;
inline constexpr uint32_t max_call_frames = 8;
inline constexpr uint32_t max_stack = 512;
inline constexpr uint32_t max_tail_calls = 33;
inline constexpr uint32_t max_may_goto = 8 * 1024 * 1024;  // in one run of a function: then the loop is left
inline constexpr uint32_t max_subprograms = 256;
inline constexpr uint32_t max_func_args = 12;
inline constexpr uint32_t max_func_reg_args = 5;

// ENOTSUPP: not in <errno.h>, but Linux returns it.
inline constexpr int enotsupp = 524;

}  // namespace graft::abi
