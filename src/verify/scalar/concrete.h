// What the machine does with two numbers: the meaning that apply_alu() and branch_taken() must cover.
//
// For tests and fuzzers; written apart from the engines on purpose, from the instruction set's definition (RFC 9669).  Pure, any thread.
#pragma once

#include <bit>
#include <cstdint>

#include "abi/bpf.h"

namespace graft::verify::concrete {

// dst OP src, for BPF_ADD .. BPF_ARSH; a shift takes the lower 6 or 5 bits of src.
template <class U, class S>
constexpr U alu_in_width(uint8_t op, U dst, U src) {
    constexpr U last_bit = sizeof(U) * 8 - 1;
    switch (op) {
        case BPF_ADD:
            return dst + src;
        case BPF_SUB:
            return dst - src;
        case BPF_MUL:
            return dst * src;
        case BPF_DIV:
            return src == 0 ? 0 : dst / src;
        case BPF_MOD:
            return src == 0 ? dst : dst % src;
        case BPF_AND:
            return dst & src;
        case BPF_OR:
            return dst | src;
        case BPF_XOR:
            return dst ^ src;
        case BPF_LSH:
            return dst << (src & last_bit);
        case BPF_RSH:
            return dst >> (src & last_bit);
        case BPF_ARSH:
            return static_cast<U>(static_cast<S>(dst) >> (src & last_bit));
        case BPF_NEG:
            return U{0} - dst;
        default:
            return 0;
    }
}
constexpr uint64_t alu(uint8_t op, bool is64, uint64_t dst, uint64_t src) {
    if (is64) return alu_in_width<uint64_t, int64_t>(op, dst, src);
    return alu_in_width<uint32_t, int32_t>(op, static_cast<uint32_t>(dst), static_cast<uint32_t>(src));
}

template <class U, class S>
constexpr bool holds_in_width(uint8_t op, U a, U b) {
    const S signed_a = static_cast<S>(a), signed_b = static_cast<S>(b);
    switch (op) {
        case BPF_JEQ:
            return a == b;
        case BPF_JNE:
            return a != b;
        case BPF_JGT:
            return a > b;
        case BPF_JGE:
            return a >= b;
        case BPF_JLT:
            return a < b;
        case BPF_JLE:
            return a <= b;
        case BPF_JSGT:
            return signed_a > signed_b;
        case BPF_JSGE:
            return signed_a >= signed_b;
        case BPF_JSLT:
            return signed_a < signed_b;
        case BPF_JSLE:
            return signed_a <= signed_b;
        default:  // BPF_JSET
            return (a & b) != 0;
    }
}
constexpr bool holds(uint8_t op, bool is32, uint64_t a, uint64_t b) {
    if (!is32) return holds_in_width<uint64_t, int64_t>(op, a, b);
    return holds_in_width<uint32_t, int32_t>(op, static_cast<uint32_t>(a), static_cast<uint32_t>(b));
}

// The lower `size` bytes, sign-extended.
constexpr uint64_t sign_extend(uint64_t number, unsigned size) {
    const unsigned unused = 64 - 8 * size;
    return static_cast<uint64_t>(static_cast<int64_t>(number << unused) >> unused);
}

inline constexpr uint8_t alu_ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD,  BPF_AND,
                                      BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH, BPF_NEG};
inline constexpr uint8_t jump_ops[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
                                       BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET};

}  // namespace graft::verify::concrete
