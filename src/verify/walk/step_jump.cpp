// Conditional jumps: decide when the outcome is certain, else put one branch off and let both learn.
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/scalar/branch.h"
#include "verify/walk/log_text.h"
#include "verify/walk/walk.h"

namespace graft::verify {
namespace {

bool packet_or_end(const Reg& reg) { return reg.is_packet() || reg.is(Kind::packet_end); }

bool known_not_null(const Reg& reg) {
    if (reg.has(maybe_null)) return false;
    switch (reg.kind) {
        case Kind::sock:
        case Kind::tcp_sock:
        case Kind::map_value:
        case Kind::map_key:
        case Kind::sock_common:
        case Kind::mem:
        case Kind::map_ptr:
            return true;
        case Kind::btf_object:
            return reg.has(trusted);
        default:
            return false;
    }
}

uint8_t flipped(uint8_t op) {
    switch (op) {
        case BPF_JGE:
            return BPF_JLE;
        case BPF_JGT:
            return BPF_JLT;
        case BPF_JLE:
            return BPF_JGE;
        case BPF_JLT:
            return BPF_JGT;
        case BPF_JSGE:
            return BPF_JSLE;
        case BPF_JSGT:
            return BPF_JSLT;
        case BPF_JSLE:
            return BPF_JSGE;
        case BPF_JSLT:
            return BPF_JSGT;
        default:
            return op;
    }
}

// A packet pointer that an earlier comparison proved to be past the end (range < 0: at_end, beyond_end).
constexpr int32_t at_end = -1, beyond_end = -2;

Verdict packet_verdict(const Reg& left, const Reg& right, uint8_t op) {
    const Reg* pointer = &left;
    if (left.is(Kind::packet_end)) {
        pointer = &right;
        op = flipped(op);
    } else if (!right.is(Kind::packet_end)) {
        return Verdict::unknown;
    }
    if (pointer->range >= 0) return Verdict::unknown;
    switch (op) {
        case BPF_JLE:  // pointer <= end
            return pointer->range == beyond_end ? Verdict::never : Verdict::unknown;
        case BPF_JGT:
            return pointer->range == beyond_end ? Verdict::always : Verdict::unknown;
        case BPF_JLT:  // pointer < end
            return Verdict::never;
        case BPF_JGE:
            return Verdict::always;
        default:
            return Verdict::unknown;
    }
}

Verdict verdict(const Reg& left, const Reg& right, uint8_t op, bool is32) {
    if (packet_or_end(left) && packet_or_end(right) && !is32) return packet_verdict(left, right, op);
    if (left.is_pointer() || right.is_pointer()) {
        const auto constant = [&](const Reg& reg) { return reg.is(Kind::scalar) && reg.value.is_const(is32); };
        const Reg& pointer = constant(right) ? left : right;
        const Reg& number = constant(right) ? right : left;
        if (!constant(number) || !known_not_null(pointer) || number.value.const_value(is32) != 0) return Verdict::unknown;
        return op == BPF_JEQ ? Verdict::never : op == BPF_JNE ? Verdict::always : Verdict::unknown;
    }
    return branch_taken(op, is32, left.value, right.value);
}

// Marks packet pointers after `pointer cmp packet_end` (or data and data_meta): in which branch is the range proved, in which disproved?
struct RangeProof {
    State* inside;  // the branch in which pointer <= end (or < end) holds
    State* outside;
    bool open;  // inside: pointer < end; else pointer <= end
};

void mark_past_end(State& state, uint32_t number, bool open) {
    Reg& reg = state.regs()[number];
    if (!reg.is(Kind::packet)) return;  // packet_meta: no such knowledge
    reg.range = open ? beyond_end : at_end;
}

// True: the comparison is one of packet pointers with the end of their region.
bool learn_from_packet(const bpf_insn& insn, const Reg& left, const Reg& right, State& here, State& other) {
    if (BPF_SRC(insn.code) != BPF_X || BPF_CLASS(insn.code) == BPF_JMP32) return false;
    const auto ends = [](const Reg& pointer, const Reg& end) {
        return (pointer.is(Kind::packet) && end.is(Kind::packet_end)) ||
               (pointer.is(Kind::packet_meta) && end.is(Kind::packet) && end.value == Scalar::constant(0) && end.off == 0 && end.id == 0);
    };
    const bool pointer_left = ends(left, right);
    if (!pointer_left && !ends(right, left)) return false;
    const uint8_t op = pointer_left ? BPF_OP(insn.code) : flipped(BPF_OP(insn.code));
    const uint32_t number = pointer_left ? insn.dst_reg : insn.src_reg;
    const Reg pointer = pointer_left ? left : right;
    RangeProof proof{};
    switch (op) {  // `pointer op end` holds in `other`, the branch that jumps
        case BPF_JGT:
            proof = {&here, &other, false};
            break;
        case BPF_JLT:
            proof = {&other, &here, true};
            break;
        case BPF_JGE:
            proof = {&here, &other, true};
            break;
        case BPF_JLE:
            proof = {&other, &here, false};
            break;
        default:
            return false;
    }
    learn_packet_range(*proof.inside, pointer, pointer.kind, proof.open);
    // Outside of `<=` the pointer is beyond the end; outside of `<` at it or beyond.
    mark_past_end(*proof.outside, number, !proof.open);
    return true;
}

// What both outcomes prove of the two scalars, and of those that are linked to them.
Result<void> learn(Walk& walk, const bpf_insn& insn, Reg& here_right, State& other, Reg& other_right, const LinkedSet& linked) {
    Reg& here_left = walk.reg(insn.dst_reg);
    Reg& other_left = other.regs()[insn.dst_reg];
    if (!here_left.is(Kind::scalar) || !here_right.is(Kind::scalar)) return {};
    const bool is32 = BPF_CLASS(insn.code) == BPF_JMP32;
    refine(BPF_OP(insn.code), is32, other_left.value, other_right.value, here_left.value, here_right.value);
    TRY(require_consistent(walk, other_left, "true_reg1"));
    TRY(require_consistent(walk, other_right, "true_reg2"));
    TRY(require_consistent(walk, here_left, "false_reg1"));
    TRY(require_consistent(walk, here_right, "false_reg2"));
    if (BPF_SRC(insn.code) == BPF_X && here_right.id != 0) {
        sync_linked(walk.state, here_right, linked);
        sync_linked(other, other_right, linked);
    }
    if (here_left.id != 0) {
        sync_linked(walk.state, here_left, linked);
        sync_linked(other, other_left, linked);
    }
    return {};
}

// `r1 == r2` of a pointer that may be null and one that is not: equal means not null.
void learn_not_null(Walk& walk, const bpf_insn& insn, const Reg& left, const Reg& right, State& other) {
    if (BPF_CLASS(insn.code) == BPF_JMP32 || BPF_SRC(insn.code) != BPF_X || !left.is_pointer() || !right.is_pointer()) return;
    if (left.has(maybe_null) == right.has(maybe_null) || left.is(Kind::btf_object) || right.is(Kind::btf_object)) return;
    const uint8_t op = BPF_OP(insn.code);
    if (op != BPF_JEQ && op != BPF_JNE) return;
    State& equal = op == BPF_JEQ ? other : walk.state;
    const uint32_t number = left.has(maybe_null) ? insn.dst_reg : insn.src_reg;
    resolve_null(walk, equal, number, false);
}

Result<void> check_operands(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    if (BPF_OP(insn.code) > BPF_JSLE) {
        return env.reject(EINVAL, "invalid BPF_JMP/JMP32 opcode {:x}", static_cast<uint32_t>(BPF_OP(insn.code)));
    }
    TRY(use_reg(walk, insn.dst_reg, Use::read));
    if (BPF_SRC(insn.code) == BPF_X) {
        if (insn.imm != 0) return env.reject(EINVAL, "BPF_JMP/JMP32 uses reserved fields");
        TRY(use_reg(walk, insn.src_reg, Use::read));
        const Reg &left = walk.reg(insn.dst_reg), &right = walk.reg(insn.src_reg);
        if (!(packet_or_end(left) && packet_or_end(right)) && leaks_pointer(walk, right)) {
            return env.reject(EACCES, "R{} pointer comparison prohibited", uint32_t{insn.src_reg});
        }
    } else if (insn.src_reg != 0) {
        return env.reject(EINVAL, "BPF_JMP/JMP32 uses reserved fields");
    }
    return {};
}

Result<void> mark_decisive(Walk& walk, const bpf_insn& insn) {
    if (!walk.reg(insn.dst_reg).is_pointer()) TRY(mark_precise(walk, insn.dst_reg));
    if (BPF_SRC(insn.code) == BPF_X && !walk.reg(insn.src_reg).is_pointer()) TRY(mark_precise(walk, insn.src_reg));
    return {};
}

// Goes on, or leaves the loop when the budget of rounds is used up: both at any time.
Result<void> step_may_goto(Walk& walk, const bpf_insn& insn) {
    if (BPF_CLASS(insn.code) != BPF_JMP || BPF_SRC(insn.code) != BPF_K || insn.src_reg != 0 || insn.dst_reg != 0 || insn.imm != 0) {
        return walk.env.reject(EINVAL, "invalid may_goto off {} imm {}", insn.off, insn.imm);
    }
    State& again = *TRY(push_branch(walk, walk.insn + 1, walk.insn));
    ++again.may_goto_depth;
    if (const State* parent = walk.state.parent) {
        if (const State* earlier = earlier_round(walk, *parent, walk.insn)) widen(walk, *earlier, again);
    }
    walk.insn += 1U + static_cast<uint32_t>(int32_t{insn.off});
    return {};
}

}  // namespace

Result<void> step_jump(Walk& walk, const bpf_insn& insn) {
    if (BPF_OP(insn.code) == abi::jcond) return step_may_goto(walk, insn);
    Env& env = walk.env;
    TRY(check_operands(walk, insn));
    const bool by_register = BPF_SRC(insn.code) == BPF_X;
    const bool is32 = BPF_CLASS(insn.code) == BPF_JMP32;
    const uint32_t target = walk.insn + 1U + static_cast<uint32_t>(int32_t{insn.off});
    Reg immediate;
    set_constant(immediate, static_cast<uint64_t>(int64_t{insn.imm}));
    Reg& left = walk.reg(insn.dst_reg);
    Reg& right = by_register ? walk.reg(insn.src_reg) : immediate;

    const Verdict taken = verdict(left, right, BPF_OP(insn.code), is32);
    if (taken != Verdict::unknown) {
        TRY(mark_decisive(walk, insn));
        if (log_walk(walk)) print_touched(walk);
        walk.insn = taken == Verdict::always ? target : walk.insn + 1;
        return {};
    }
    LinkedSet linked;
    if (by_register && right.is(Kind::scalar) && right.id != 0) collect_linked(walk.state, right.id, linked);
    if (left.is(Kind::scalar) && left.id != 0) collect_linked(walk.state, left.id, linked);
    if (linked.members.size() > 1) push_history(walk, false, 0, 0, linked.pack());

    State& other = *TRY(push_branch(walk, target, walk.insn));
    const Reg left_before = left, right_before = right;
    Reg other_immediate = immediate;
    Reg& other_right = by_register ? other.regs()[insn.src_reg] : other_immediate;
    TRY(learn(walk, insn, right, other, other_right, linked));
    learn_not_null(walk, insn, left_before, right_before, other);

    const bool compares_zero = !by_register && insn.imm == 0 && !is32 && (BPF_OP(insn.code) == BPF_JEQ || BPF_OP(insn.code) == BPF_JNE);
    if (compares_zero && left.has(maybe_null)) {
        const bool jumps_when_null = BPF_OP(insn.code) == BPF_JEQ;
        resolve_null(walk, walk.state, insn.dst_reg, !jumps_when_null);
        resolve_null(walk, other, insn.dst_reg, jumps_when_null);
    } else if (!learn_from_packet(insn, left_before, right_before, walk.state, other) && leaks_pointer(walk, left)) {
        return env.reject(EACCES, "R{} pointer comparison prohibited", uint32_t{insn.dst_reg});
    }
    if (log_walk(walk)) print_touched(walk);
    ++walk.insn;
    return {};
}

}  // namespace graft::verify
