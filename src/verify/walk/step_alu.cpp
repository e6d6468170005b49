// ALU and ALU64.
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/walk/walk.h"

namespace graft::verify {
namespace {

constexpr const char* op_text[16] = {"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "", ""};

bool is_wide(const bpf_insn& insn) { return BPF_CLASS(insn.code) == BPF_ALU64; }
bool is_divide(uint8_t op) { return op == BPF_DIV || op == BPF_MOD; }
bool is_shift(uint8_t op) { return op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH; }

// The copy and its source are to be narrowed together from now on.
void link_before_copy(Walk& walk, Reg& source) {
    if (!source.is(Kind::scalar)) return;
    if ((source.id & id_add_const) != 0) {
        source.id = 0;
        source.off = 0;
    }
    if (source.id == 0 && !source.value.is_const()) {
        source.id = walk.next_id();
        source.off = 0;  // what is left of a former link
    }
}

Result<void> negate_or_swap(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    if (BPF_OP(insn.code) == BPF_NEG) {
        if (BPF_SRC(insn.code) != BPF_K || insn.src_reg != 0 || insn.off != 0 || insn.imm != 0) {
            return env.reject(EINVAL, "BPF_NEG uses reserved fields");
        }
    } else if (insn.src_reg != 0 || insn.off != 0 || (insn.imm != 16 && insn.imm != 32 && insn.imm != 64) ||
               (is_wide(insn) && BPF_SRC(insn.code) != BPF_TO_LE)) {
        return env.reject(EINVAL, "BPF_END uses reserved fields");
    }
    TRY(use_reg(walk, insn.dst_reg, Use::read));
    if (leaks_pointer(walk, walk.reg(insn.dst_reg))) return env.reject(EACCES, "R{} pointer arithmetic prohibited", uint32_t{insn.dst_reg});
    return use_reg(walk, insn.dst_reg, Use::write);
}

// dst = src, whole, truncated or sign-extended.
Result<void> copy_register(Walk& walk, const bpf_insn& insn) {
    Reg& source = walk.reg(insn.src_reg);
    Reg& target = walk.reg(insn.dst_reg);
    const auto finish = [&] { target.live |= live_written; };
    if (is_wide(insn) && insn.off == 0) {
        link_before_copy(walk, source);
        copy_value(target, source);
        finish();
        return {};
    }
    if (leaks_pointer(walk, source)) {
        return is_wide(insn) ? walk.env.reject(EACCES, "R{} sign-extension part of pointer", uint32_t{insn.src_reg})
                             : walk.env.reject(EACCES, "R{} partial copy of pointer", uint32_t{insn.src_reg});
    }
    if (!source.is(Kind::scalar)) {
        mark_unknown(walk, insn.dst_reg);
    } else {
        // A copy that changes nothing stays linked.
        const bool same = insn.off == 0 ? source.value.u64.max <= UINT32_MAX : source.value.u64.max < uint64_t{1} << (insn.off - 1);
        if (same) link_before_copy(walk, source);
        copy_value(target, source);
        if (!same) target.id = 0;
        if (insn.off != 0 && is_wide(insn)) target.value.sign_extend_64(static_cast<unsigned>(insn.off) / 8);
        if (insn.off != 0 && !is_wide(insn)) target.value.sign_extend_32(static_cast<unsigned>(insn.off) / 8);
    }
    if (!is_wide(insn)) target.value.zero_extend_32();
    finish();
    return {};
}

Result<void> move(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    if (BPF_SRC(insn.code) == BPF_X) {
        if (is_wide(insn) && insn.off == abi::addr_space_cast)
            return env.reject(EINVAL, "addr_space_cast insn can only be used in a program that has an associated arena");
        const bool off_ok = insn.off == 0 || insn.off == 8 || insn.off == 16 || (is_wide(insn) && insn.off == 32);
        if (!off_ok || insn.imm != 0) return env.reject(EINVAL, "BPF_MOV uses reserved fields");
        TRY(use_reg(walk, insn.src_reg, Use::read));
    } else if (insn.src_reg != 0 || insn.off != 0) {
        return env.reject(EINVAL, "BPF_MOV uses reserved fields");
    }
    TRY(use_reg(walk, insn.dst_reg, Use::write_no_mark));
    if (BPF_SRC(insn.code) == BPF_X) return copy_register(walk, insn);
    set_constant(walk.reg(insn.dst_reg), is_wide(insn) ? static_cast<uint64_t>(int64_t{insn.imm}) : static_cast<uint32_t>(insn.imm));
    return {};
}

// What becomes of the link of dst when a scalar is added to it.
void relink_after(Reg& target, const bpf_insn& insn, const Reg& source, uint32_t id_before) {
    const bool adds_constant = is_wide(insn) && BPF_OP(insn.code) == BPF_ADD && id_before != 0 && source.is_const_scalar();
    if (!adds_constant || (id_before & id_add_const) != 0 || source.value.const_value() > INT32_MAX) {
        target.id = 0;
        if (adds_constant) target.off = 0;
        return;
    }
    target.id = id_before | id_add_const;
    target.off = static_cast<int32_t>(source.value.const_value());
}

Result<void> compute(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    Reg& target = walk.reg(insn.dst_reg);
    Reg immediate;
    set_constant(immediate, static_cast<uint64_t>(int64_t{insn.imm}));
    const bool by_register = BPF_SRC(insn.code) == BPF_X;
    const Reg source = by_register ? walk.reg(insn.src_reg) : immediate;
    if (!source.is(Kind::scalar)) {
        if (target.is(Kind::scalar)) {
            TRY(mark_precise(walk, insn.dst_reg));
            return pointer_arithmetic(walk, insn, source, Reg(target));
        }
        if (BPF_OP(insn.code) == BPF_SUB && env.request.privileged) {
            mark_unknown(walk, insn.dst_reg);
            return {};
        }
        return env.reject(EACCES, "R{} pointer {} pointer prohibited", uint32_t{insn.dst_reg}, op_text[BPF_OP(insn.code) >> 4]);
    }
    if (!target.is(Kind::scalar)) {
        if (by_register) TRY(mark_precise(walk, insn.src_reg));
        return pointer_arithmetic(walk, insn, Reg(target), source);
    }
    if (by_register && target.precise) TRY(mark_precise(walk, insn.src_reg));
    if (const auto fork = fork_before_alu(BPF_OP(insn.code), target.value, source.value)) {
        State* other = TRY(push_branch(walk, walk.insn, walk.insn));
        other->regs()[insn.dst_reg].value = fork->zero;
        target.value = fork->minus_one;
    }
    target.value = apply_alu(BPF_OP(insn.code), is_wide(insn), target.value, source.value);
    relink_after(target, insn, source, target.id);
    return {};
}

Result<void> arithmetic(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const uint8_t op = BPF_OP(insn.code);
    const bool by_register = BPF_SRC(insn.code) == BPF_X;
    const bool off_ok = insn.off == 0 || (insn.off == 1 && is_divide(op));
    if (!off_ok || (by_register ? insn.imm != 0 : insn.src_reg != 0)) return env.reject(EINVAL, "BPF_ALU uses reserved fields");
    if (by_register) TRY(use_reg(walk, insn.src_reg, Use::read));
    TRY(use_reg(walk, insn.dst_reg, Use::read));
    if (is_divide(op) && !by_register && insn.imm == 0) return env.reject(EINVAL, "div by zero");
    const int width = is_wide(insn) ? 64 : 32;
    if (is_shift(op) && !by_register && (insn.imm < 0 || insn.imm >= width)) return env.reject(EINVAL, "invalid shift {}", insn.imm);
    TRY(use_reg(walk, insn.dst_reg, Use::write_no_mark));
    return compute(walk, insn);
}

}  // namespace

Result<void> step_alu(Walk& walk, const bpf_insn& insn) {
    const uint8_t op = BPF_OP(insn.code);
    if (op == BPF_END || op == BPF_NEG) {
        TRY(negate_or_swap(walk, insn));
    } else if (op == BPF_MOV) {
        TRY(move(walk, insn));
    } else if (op > BPF_END) {
        return walk.env.reject(EINVAL, "invalid BPF_ALU opcode {:x}", uint32_t{op});
    } else {
        TRY(arithmetic(walk, insn));
    }
    return require_consistent(walk, walk.reg(insn.dst_reg), "alu");
}

}  // namespace graft::verify
