// Helpers: the functions that programs call by number, and what the verifier must know of each.
//
// One file a family holds functions and rows; helpers.cpp joins the families.  A helper runs on the thread of the program, inside an
// rcu::ReadGuard, with its RunContext set.
#pragma once

#include <cstdint>
#include <span>

namespace graft {

// What a helper demands of an argument.
enum class Arg : uint8_t {
    none,           // no further arguments
    anything,       // any initialised register
    const_map_ptr,  // a map, by ld_imm64
    map_key,        // readable memory of the map's key_size
    map_value,      // readable memory of the map's value_size
    map_value_or_null,
    uninit_map_value,  // memory of value_size that the helper fills (bpf_map_pop_elem, peek)
    ctx,               // the program's context
    ctx_or_null,
    mem_read,  // memory that the helper reads; its size is the next argument
    mem_read_or_null,
    mem_write,   // memory that the helper fills (stack may be uninitialised); its size is the next argument
    const_size,  // size > 0 of the memory before it
    const_size_or_zero,
    const_alloc_size_or_zero,  // a constant
    spin_lock,
    timer,
    callback,       // a function of the program, by ld_imm64 (BPF_PSEUDO_FUNC)
    stack_or_null,  // a stack pointer or 0
    const_str,      // a NUL-terminated string in a constant map
    short_ptr,      // 2 bytes, aligned, written
    int_ptr,        // 4
    long_ptr,       // 8
    sock_common,
    btf_sock_common,
    alloc_mem,  // what a reserving helper returned
    kptr,
    xdp_buff,  // a pointer to that struct of the kernel
    sk_buff,
    scalar,            // a number: what kernel functions take
    dynptr,            // 16 bytes of stack that hold one
    new_local_dynptr,  // 16 bytes of stack where the helper makes one
    new_skb_dynptr,
    new_xdp_dynptr,
    slice_buffer,  // memory or null; its size is the next argument
    slice_size,    // a constant
};

enum class Ret : uint8_t {
    integer,  // a scalar
    nothing,  // R0 is not readable after
    map_value_or_null,
    map_value,
    mem_or_null,  // memory of the size in the alloc-size argument
    ringbuf_mem_or_null,
    dynptr_mem_or_null,  // the same, of the dynptr argument
    slice_or_null,       // memory of the size in the slice-size argument, of the dynptr argument
    rdonly_slice_or_null,
    sock_or_null,
    sock_common_or_null,
    tcp_sock_or_null,
    btf_id_or_null,
};

// Five registers in, R0 out.
using HelperFunction = uint64_t (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct Helper {
    uint32_t id = 0;                    // BPF_FUNC_*
    const char* name = nullptr;         // "bpf_map_lookup_elem"
    HelperFunction function = nullptr;  // null: the engine has an operation of its own for it (bpf_tail_call)
    Ret ret = Ret::integer;
    Arg args[5] = {};
    bool gpl_only = false;
    bool changes_packet = false;  // packet pointers are invalid after the call
    bool packet_access = false;   // its memory arguments may point into the packet
    bool might_sleep = false;
    bool acquires = false;         // what it returns must be given back
    uint8_t releases = 0;          // the number of the argument that is given back; 0: none
    bool casts = false;            // what it returns is what it got, seen otherwise: the same reference
    const char* partly = nullptr;  // for docs/support.md
};

// By number; null: graft has none of that number.  Also finds the operations that verify/after puts into programs (skb_load.h, kfuncs.h),
// which have no helper_name() and are not among helpers().
[[nodiscard]] const Helper* find_helper(uint32_t id);
[[nodiscard]] std::span<const Helper* const> helpers();  // ascending by id
// The name of any helper that Linux knows, for messages; null past the last.
[[nodiscard]] const char* helper_name(uint32_t id);

}  // namespace graft
