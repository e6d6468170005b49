// One instruction, by class.
#include "verify/walk/walk.h"

#include "isa/insn.h"
#include "verify/call/call.h"
#include "verify/call/references.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/scalar/print.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

Result<Step> step_control(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    ++walk.counts.jumps;
    const bool wide = BPF_CLASS(insn.code) == BPF_JMP;
    switch (BPF_OP(insn.code)) {
        case BPF_CALL: {
            const bool kfunc = insn.src_reg == BPF_PSEUDO_KFUNC_CALL;
            if (BPF_SRC(insn.code) != BPF_K || (!kfunc && insn.off != 0) ||
                (insn.src_reg != 0 && insn.src_reg != BPF_PSEUDO_CALL && !kfunc) || insn.dst_reg != 0 || !wide) {
                return env.reject(EINVAL, "BPF_CALL uses reserved fields");
            }
            TRY(require_call_allowed(walk, insn));
            if (kfunc) {
                if (TRY(call_kfunc(walk, insn)) == Step::path_done) return Step::path_done;
                break;
            }
            if (insn.src_reg == BPF_PSEUDO_CALL) {
                TRY(call_function(walk, insn));
                return Step::next;
            }
            TRY(call_helper(walk, insn));
            break;
        }
        case BPF_JA:
            if (BPF_SRC(insn.code) != BPF_K || insn.src_reg != 0 || insn.dst_reg != 0 || (wide ? insn.imm != 0 : insn.off != 0)) {
                return env.reject(EINVAL, "BPF_JA uses reserved fields");
            }
            walk.insn += 1U + static_cast<uint32_t>(wide ? insn.off : insn.imm);
            return Step::next;
        case BPF_EXIT:
            if (BPF_SRC(insn.code) != BPF_K || insn.imm != 0 || insn.src_reg != 0 || insn.dst_reg != 0 || !wide) {
                return env.reject(EINVAL, "BPF_EXIT uses reserved fields");
            }
            return step_exit(walk);
        default:
            TRY(step_jump(walk, insn));
            return Step::next;
    }
    ++walk.insn;
    return Step::next;
}

Result<void> step_ld(Walk& walk, const bpf_insn& insn) {
    const uint8_t mode = BPF_MODE(insn.code);
    if (mode == BPF_ABS || mode == BPF_IND) return step_ld_abs(walk, insn);
    if (mode == BPF_IMM) return step_ld_imm(walk, insn);
    return walk.env.reject(EINVAL, "invalid BPF_LD mode");
}

}  // namespace

// Sets walk.insn to the instruction that follows on the path.
Result<Step> step(Walk& walk) {
    const bpf_insn insn = walk.env.insns[walk.insn];
    const uint32_t here = walk.insn;
    Result<Step> outcome = Step::next;
    switch (BPF_CLASS(insn.code)) {
        case BPF_ALU:
        case BPF_ALU64:
            TRY(step_alu(walk, insn));
            break;
        case BPF_LDX:
            TRY(step_load(walk, insn));
            break;
        case BPF_ST:
            TRY(step_store(walk, insn));
            break;
        case BPF_STX:
            if (BPF_MODE(insn.code) == BPF_ATOMIC) {
                TRY(step_atomic(walk, insn));
            } else {
                TRY(step_store(walk, insn));
            }
            break;
        case BPF_LD:
            TRY(step_ld(walk, insn));
            break;
        case BPF_JMP:
        case BPF_JMP32:
            outcome = step_control(walk, insn);
            walk.previous = here;
            return outcome;
        default:
            return walk.env.reject(EINVAL, "unknown insn class {}", static_cast<uint32_t>(BPF_CLASS(insn.code)));
    }
    walk.previous = here;
    walk.insn = here + (is_ld_imm64(insn) ? 2 : 1);
    return outcome;
}

Result<Step> step_exit(Walk& walk) {
    const bool returns = walk.state.depth() > 1;
    if (walk.state.lock.map != nullptr && !returns) return walk.env.reject(EINVAL, "bpf_spin_unlock is missing");
    if (!returns || walk.state.frame().in_callback) TRY(require_no_references(walk));
    if (returns) {
        TRY(return_to_caller(walk));
        return Step::next;
    }
    TRY(check_return_value(walk, 0));
    return Step::path_done;
}

// --- operands ----------------------------------------------------------------------------------------------------------------------------

Result<void> use_reg(Walk& walk, uint32_t number, Use use) {
    if (number >= reg_count) return walk.env.reject(EINVAL, "R{} is invalid", number);
    Reg& reg = walk.reg(number);
    walk.touch(number);
    if (use == Use::read) {
        if (reg.is(Kind::not_init)) return walk.env.reject(EACCES, "R{} !read_ok", number);
        if (number != r_fp) mark_read(walk, reg);
        return {};
    }
    if (number == r_fp) return walk.env.reject(EACCES, "frame pointer is read only");
    reg.live |= live_written;
    if (use == Use::write) set_unknown(reg);
    return {};
}

bool leaks_pointer(const Walk& walk, const Reg& reg) { return !walk.env.request.privileged && reg.is_pointer(); }

Result<void> require_consistent(Walk& walk, Reg& reg, const char* where) {
    const char* what = reg.value.violation();
    if (!reg.is(Kind::scalar) || what == nullptr) return {};
    walk.env.log.print("REG INVARIANTS VIOLATION ({}): {} {}\n", where, what, describe_violation(reg.value));
    if ((walk.env.request.flags & abi::f_test_reg_invariants) != 0) return fail(EFAULT, "refused by the verifier: contradictory ranges");
    reg.value.forget_ranges();
    return {};
}

void mark_unknown(Walk& walk, uint32_t number) {
    set_unknown(walk.reg(number));
    walk.touch(number);
}

}  // namespace graft::verify
