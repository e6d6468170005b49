// What one instruction is: its class and fields, and the questions that several passes ask of it.
//
// Pure functions of the eight bytes; any thread.  The names are those of the instruction set (RFC 9669) and of the UAPI.
#pragma once

#include <cstdint>

#include "abi/bpf.h"

namespace graft {

// BPF_CLASS, BPF_OP, BPF_SRC, BPF_SIZE and BPF_MODE of the UAPI, as functions.
constexpr uint8_t class_of(const bpf_insn& insn) { return insn.code & 0x07; }
constexpr uint8_t op_of(const bpf_insn& insn) { return insn.code & 0xf0; }
constexpr uint8_t size_field_of(const bpf_insn& insn) { return insn.code & 0x18; }
constexpr uint8_t mode_of(const bpf_insn& insn) { return insn.code & 0xe0; }
// Is the second operand a register (BPF_X), not the immediate (BPF_K)?
constexpr bool uses_source_register(const bpf_insn& insn) { return (insn.code & BPF_X) != 0; }

// In bytes: 1, 2, 4 or 8.
constexpr unsigned access_size_of(const bpf_insn& insn) {
    switch (size_field_of(insn)) {
        case BPF_B:
            return 1;
        case BPF_H:
            return 2;
        case BPF_W:
            return 4;
        default:
            return 8;
    }
}

constexpr bool is_alu(const bpf_insn& insn) { return class_of(insn) == BPF_ALU || class_of(insn) == BPF_ALU64; }
constexpr bool is_jump_class(const bpf_insn& insn) { return class_of(insn) == BPF_JMP || class_of(insn) == BPF_JMP32; }
// The first of the two slots of a 64-bit immediate.
constexpr bool is_ld_imm64(const bpf_insn& insn) { return insn.code == (BPF_LD | BPF_IMM | BPF_DW); }
// Slots that the instruction takes.
constexpr unsigned length_of(const bpf_insn& insn) { return is_ld_imm64(insn) ? 2 : 1; }
// The immediate of an ld_imm64 in `first` and `second`.
constexpr uint64_t imm64_of(const bpf_insn& first, const bpf_insn& second) {
    return static_cast<uint32_t>(first.imm) | uint64_t{static_cast<uint32_t>(second.imm)} << 32;
}

constexpr bool is_exit(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_EXIT); }
constexpr bool is_call(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_CALL); }
constexpr bool is_helper_call(const bpf_insn& insn) { return is_call(insn) && insn.src_reg == 0; }
constexpr bool is_pseudo_call(const bpf_insn& insn) { return is_call(insn) && insn.src_reg == BPF_PSEUDO_CALL; }
constexpr bool is_kfunc_call(const bpf_insn& insn) { return is_call(insn) && insn.src_reg == BPF_PSEUDO_KFUNC_CALL; }
// An ld_imm64 of the address of a subprogram.
constexpr bool is_pseudo_func(const bpf_insn& insn) { return is_ld_imm64(insn) && insn.src_reg == BPF_PSEUDO_FUNC; }

// goto, and gotol whose offset is the immediate.
constexpr bool is_goto(const bpf_insn& insn) { return is_jump_class(insn) && op_of(insn) == BPF_JA; }
constexpr bool is_may_goto(const bpf_insn& insn) { return insn.code == (BPF_JMP | abi::jcond) && insn.src_reg == 0; }
// if a OP b goto ..., and may_goto
constexpr bool is_conditional_jump(const bpf_insn& insn) {
    return is_jump_class(insn) && op_of(insn) != BPF_JA && op_of(insn) != BPF_CALL && op_of(insn) != BPF_EXIT;
}
// How far a goto or a conditional jump goes, counted from the next slot.
constexpr int32_t jump_offset_of(const bpf_insn& insn) { return insn.code == (BPF_JMP32 | BPF_JA) ? insn.imm : insn.off; }

// dst = (s8)src and its kind; off is the width in bits.
constexpr bool is_movsx(const bpf_insn& insn) {
    return is_alu(insn) && op_of(insn) == BPF_MOV && uses_source_register(insn) && (insn.off == 8 || insn.off == 16 || insn.off == 32);
}
constexpr bool is_signed_div_or_mod(const bpf_insn& insn) {
    return is_alu(insn) && (op_of(insn) == BPF_DIV || op_of(insn) == BPF_MOD) && insn.off == 1;
}
constexpr bool is_atomic(const bpf_insn& insn) { return class_of(insn) == BPF_STX && mode_of(insn) == BPF_ATOMIC; }
// Does an atomic put the old value in a register?  cmpxchg in r0, the others in src_reg.
constexpr bool fetches(const bpf_insn& insn) { return is_atomic(insn) && (insn.imm & BPF_FETCH) != 0; }

}  // namespace graft
