#include <bit>
#include <initializer_list>

#include "engine/operation.h"
#include "helper/kfuncs.h"

namespace graft {
namespace {

using enum Operation;
static_assert(std::endian::native == std::endian::little, "byte order conversions are decoded for a little-endian host");

// The four forms of an operation stand together: 64k, 64x, 32k, 32x.
Operation form(Operation of_64k, bool is_32, bool by_register) {
    return static_cast<Operation>(static_cast<int>(of_64k) + (is_32 ? 2 : 0) + (by_register ? 1 : 0));
}

Operation decode_endian(const bpf_insn& insn) {
    // ALU64: an unconditional swap.  ALU: to big endian swaps, to little endian only cuts off.
    const bool swaps = BPF_CLASS(insn.code) == BPF_ALU64 || BPF_SRC(insn.code) == BPF_TO_BE;
    switch (insn.imm) {
        case 16:
            return swaps ? swap16 : zext16;
        case 32:
            return swaps ? swap32 : zext32;
        case 64:
            return swaps ? swap64 : zext64;
        default:
            return unreachable;
    }
}

Operation decode_move(const bpf_insn& insn, bool is_32) {
    if (BPF_SRC(insn.code) == BPF_K || insn.off == 0) return form(mov64k, is_32, BPF_SRC(insn.code) == BPF_X);
    switch (insn.off) {
        case 8:
            return is_32 ? movsx8_32 : movsx8_64;
        case 16:
            return is_32 ? movsx16_32 : movsx16_64;
        case 32:
            return is_32 ? unreachable : movsx32_64;
        default:
            return unreachable;
    }
}

Operation decode_alu(const bpf_insn& insn) {
    const bool is_32 = BPF_CLASS(insn.code) == BPF_ALU;
    const bool is_signed = insn.off == 1;
    const auto four = [&](Operation of_64k) { return form(of_64k, is_32, BPF_SRC(insn.code) == BPF_X); };
    switch (BPF_OP(insn.code)) {
        case BPF_ADD:
            return four(add64k);
        case BPF_SUB:
            return four(sub64k);
        case BPF_MUL:
            return four(mul64k);
        case BPF_DIV:
            return four(is_signed ? sdiv64k : div64k);
        case BPF_MOD:
            return four(is_signed ? smod64k : mod64k);
        case BPF_OR:
            return four(bit_or64k);
        case BPF_AND:
            return four(bit_and64k);
        case BPF_XOR:
            return four(bit_xor64k);
        case BPF_LSH:
            return four(lsh64k);
        case BPF_RSH:
            return four(rsh64k);
        case BPF_ARSH:
            return four(arsh64k);
        case BPF_MOV:
            return decode_move(insn, is_32);
        case BPF_NEG:
            return is_32 ? neg32 : neg64;
        case BPF_END:
            return decode_endian(insn);
        default:
            return unreachable;
    }
}

Operation decode_condition(const bpf_insn& insn) {
    const auto four = [&](Operation of_64k) { return form(of_64k, BPF_CLASS(insn.code) == BPF_JMP32, BPF_SRC(insn.code) == BPF_X); };
    switch (BPF_OP(insn.code)) {
        case BPF_JEQ:
            return four(jeq64k);
        case BPF_JNE:
            return four(jne64k);
        case BPF_JGT:
            return four(jgt64k);
        case BPF_JGE:
            return four(jge64k);
        case BPF_JLT:
            return four(jlt64k);
        case BPF_JLE:
            return four(jle64k);
        case BPF_JSET:
            return four(jset64k);
        case BPF_JSGT:
            return four(jsgt64k);
        case BPF_JSGE:
            return four(jsge64k);
        case BPF_JSLT:
            return four(jslt64k);
        case BPF_JSLE:
            return four(jsle64k);
        default:
            return unreachable;
    }
}

Operation by_size(const bpf_insn& insn, Operation b, Operation h, Operation w, Operation dw) {
    switch (BPF_SIZE(insn.code)) {
        case BPF_B:
            return b;
        case BPF_H:
            return h;
        case BPF_W:
            return w;
        default:
            return dw;
    }
}

Operation decode_load(const bpf_insn& insn) {
    switch (BPF_MODE(insn.code)) {
        case BPF_MEM:
            return by_size(insn, ldx8, ldx16, ldx32, ldx64);
        case abi::memsx:
            return by_size(insn, ldsx8, ldsx16, ldsx32, unreachable);
        case abi::probe_mem:
            return by_size(insn, probe8, probe16, probe32, probe64);
        case abi::probe_memsx:
            return by_size(insn, probesx8, probesx16, probesx32, unreachable);
        default:
            return unreachable;
    }
}

Operation decode_atomic(const bpf_insn& insn) {
    switch (insn.imm) {
        case BPF_ADD:
        case BPF_OR:
        case BPF_AND:
        case BPF_XOR:
        case BPF_ADD | BPF_FETCH:
        case BPF_OR | BPF_FETCH:
        case BPF_AND | BPF_FETCH:
        case BPF_XOR | BPF_FETCH:
        case BPF_XCHG:
        case BPF_CMPXCHG:
            return by_size(insn, unreachable, unreachable, atomic32, atomic64);
        default:
            return unreachable;
    }
}

Operation decode_store(const bpf_insn& insn) {
    if (BPF_CLASS(insn.code) == BPF_ST) return BPF_MODE(insn.code) == BPF_MEM ? by_size(insn, st8, st16, st32, st64) : unreachable;
    if (BPF_MODE(insn.code) == BPF_ATOMIC) return decode_atomic(insn);
    return BPF_MODE(insn.code) == BPF_MEM ? by_size(insn, stx8, stx16, stx32, stx64) : unreachable;
}

void decode_call(const bpf_insn& insn, Decoded& decoded) {
    if (insn.src_reg == BPF_PSEUDO_CALL) {
        decoded.operation = call_subprogram;
        decoded.subprogram = static_cast<uint16_t>(insn.off);  // the verifier left its number there
        return;
    }
    if (insn.src_reg != 0) return;
    if (insn.imm == BPF_FUNC_tail_call) {
        decoded.operation = tail_call;
        return;
    }
    if (insn.imm == throw_kfunc) {
        decoded.operation = throw_exception;
        return;
    }
    const Helper* helper = find_helper(static_cast<uint32_t>(insn.imm));
    if (helper == nullptr || helper->function == nullptr) return;
    decoded.operation = call_helper;
    decoded.helper = helper->function;
}

void decode_jump(const bpf_insn& insn, Decoded& decoded) {
    switch (BPF_OP(insn.code)) {
        case BPF_JA:
            decoded.operation = ja;
            if (BPF_CLASS(insn.code) == BPF_JMP32) decoded.off = insn.imm;  // gotol
            return;
        case abi::jcond:
            if (insn.src_reg == 0) decoded.operation = may_goto;
            return;
        case BPF_CALL:
            return decode_call(insn, decoded);
        case BPF_EXIT:
            decoded.operation = exit;
            return;
        default:
            decoded.operation = decode_condition(insn);
    }
}

void decode_ld(const bpf_insn& insn, const bpf_insn* second, Decoded& decoded) {
    switch (BPF_MODE(insn.code)) {
        case BPF_IMM:
            if (BPF_SIZE(insn.code) != BPF_DW || second == nullptr) return;
            if (insn.src_reg == BPF_PSEUDO_FUNC) {
                decoded.operation = ld_function;
                decoded.subprogram = static_cast<uint32_t>(insn.imm);
                return;
            }
            decoded.operation = ld_imm64;
            decoded.imm = static_cast<uint32_t>(insn.imm) | (uint64_t{static_cast<uint32_t>(second->imm)} << 32);
            return;
        case BPF_ABS:
            decoded.operation = by_size(insn, ld_abs8, ld_abs16, ld_abs32, unreachable);
            return;
        case BPF_IND:
            decoded.operation = by_size(insn, ld_ind8, ld_ind16, ld_ind32, unreachable);
            return;
        default:
            return;
    }
}

// `second`: the slot behind, for ld_imm64.
Decoded decode_one(const bpf_insn& insn, const bpf_insn* second) {
    Decoded decoded;
    decoded.dst = insn.dst_reg;
    decoded.src = insn.src_reg;
    decoded.off = insn.off;
    decoded.imm = static_cast<uint64_t>(int64_t{insn.imm});
    switch (BPF_CLASS(insn.code)) {
        case BPF_ALU:
        case BPF_ALU64:
            decoded.operation = decode_alu(insn);
            break;
        case BPF_JMP:
        case BPF_JMP32:
            decode_jump(insn, decoded);
            break;
        case BPF_LDX:
            decoded.operation = decode_load(insn);
            break;
        case BPF_ST:
        case BPF_STX:
            decoded.operation = decode_store(insn);
            break;
        default:  // BPF_LD
            decode_ld(insn, second, decoded);
    }
    return decoded;
}

// `number`: of the function that it is in.
void unwind(const VerifiedProgram& program, uint32_t number, Decoded& decoded) {
    const bool calls = decoded.operation == call_subprogram && program.subprograms[decoded.subprogram].may_throw;
    if (!calls && decoded.operation != throw_exception) return;
    decoded.unwinding = number == 0 ? Unwinding::ends : Unwinding::passes;
    decoded.off = static_cast<int32_t>(program.exception_callback);
}

}  // namespace

Result<std::vector<Decoded>> decode(const VerifiedProgram& program) {
    const std::vector<bpf_insn>& insns = program.insns;
    std::vector<Decoded> operations(insns.size());
    uint32_t function = 0;
    for (size_t i = 0; i < insns.size(); ++i) {
        if (function + 1 < program.subprograms.size() && i >= program.subprograms[function + 1].start) ++function;
        operations[i] = decode_one(insns[i], i + 1 < insns.size() ? &insns[i + 1] : nullptr);
        if (operations[i].operation == unreachable) return fail(abi::enotsupp, "graft does not know an instruction of the program");
        unwind(program, function, operations[i]);
        if (operations[i].operation == ld_imm64 || operations[i].operation == ld_function) ++i;
    }
    return operations;
}

}  // namespace graft
