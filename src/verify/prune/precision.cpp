// Precision: which scalars' exact values mattered, found by following a value backwards along the path that made it.
//
// Wanted registers and slots are bits, per frame.  An instruction read backwards replaces what it wrote by what it read.  At a checkpoint
// the wanted scalars of its state are marked and the search goes on in its parent; it ends when nothing is wanted.  What cannot be followed
// falls back to marking every scalar.
#include <fmt/core.h>

#include <bit>

#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

constexpr uint32_t argument_regs = 0x3e;  // R1..R5

struct Wanted {
    std::array<uint32_t, abi::max_call_frames> regs{};
    std::array<uint64_t, abi::max_call_frames> slots{};
    uint32_t frame = 0;

    [[nodiscard]] bool reg(uint32_t number) const { return (regs[frame] >> number & 1) != 0; }
    void want(uint32_t number) {
        if (number != r_fp) regs[frame] |= 1U << number;
    }
    void drop(uint32_t number) { regs[frame] &= ~(1U << number); }
    [[nodiscard]] bool empty() const {
        for (uint32_t f = 0; f <= frame; ++f) {
            if (regs[f] != 0 || slots[f] != 0) return false;
        }
        return true;
    }
};

enum class Back { done, cannot_follow };

const HistoryEntry* entry_for(const State& state, size_t end, uint32_t insn) {
    return end > 0 && state.history[end - 1].index == insn ? &state.history[end - 1] : nullptr;
}

// The instruction before `insn` on the path through `state`; nothing before its first.
bool step_back(const State& state, size_t& end, uint32_t& insn) {
    if (insn == state.first_insn && (end == 0 || (end == 1 && state.history[0].index == insn))) return false;
    if (end > 0 && state.history[end - 1].index == insn) {
        insn = state.history[--end].previous;
    } else {
        if (insn == 0) return false;
        --insn;
    }
    return true;
}

// When one of several linked scalars is wanted, all are: the branch at `entry` narrowed each by the others.
void want_linked(Wanted& wanted, const HistoryEntry* entry) {
    if (entry == nullptr || entry->linked == 0) return;
    const LinkedSet set = LinkedSet::unpack(entry->linked);
    bool any = false;
    for (const auto& m : set.members) {
        any = any || (m.is_reg ? (wanted.regs[m.frame] >> m.number & 1) != 0 : (wanted.slots[m.frame] >> m.number & 1) != 0);
    }
    if (!any) return;
    for (const auto& m : set.members) {
        if (m.is_reg) {
            wanted.regs[m.frame] |= 1U << m.number;
        } else {
            wanted.slots[m.frame] |= uint64_t{1} << m.number;
        }
    }
}

void back_over_alu(Wanted& wanted, const bpf_insn& insn) {
    if (!wanted.reg(insn.dst_reg)) return;
    const uint8_t op = BPF_OP(insn.code);
    if (op == BPF_END || op == BPF_NEG) return;
    if (op == BPF_MOV) wanted.drop(insn.dst_reg);
    if (BPF_SRC(insn.code) == BPF_X) wanted.want(insn.src_reg);
}

// Out of a function, backwards: the arguments are `giver`'s, or, of a callback, the helper's own.
Back leave_callee(Wanted& wanted, uint32_t givers_arguments) {
    if (wanted.frame == 0 || (wanted.regs[wanted.frame] & ~argument_regs) != 0 || wanted.slots[wanted.frame] != 0)
        return Back::cannot_follow;
    const uint32_t arguments = wanted.regs[wanted.frame] & givers_arguments;
    wanted.regs[wanted.frame] = 0;
    --wanted.frame;
    wanted.regs[wanted.frame] |= arguments;
    return Back::done;
}

Back back_over_call(Walk& walk, Wanted& wanted, const bpf_insn& insn, uint32_t index, int64_t next) {
    // Into a callback, or on behind the call?
    if (walk.env.facts[index].calls_callback && next != int64_t{index} + 1) return leave_callee(wanted, 0);
    if (insn.src_reg != BPF_PSEUDO_CALL) {
        wanted.drop(0);
        return (wanted.regs[wanted.frame] & argument_regs) != 0 ? Back::cannot_follow : Back::done;
    }
    const int function = walk.env.function_at(index + static_cast<uint32_t>(insn.imm) + 1);
    if (function >= 0 && walk.env.functions[static_cast<size_t>(function)].is_global) {
        wanted.drop(0);
        return (wanted.regs[wanted.frame] & argument_regs) != 0 ? Back::cannot_follow : Back::done;
    }
    return leave_callee(wanted, argument_regs);
}

// Backwards into the function that returned to `next`.
Back back_over_exit(Walk& walk, Wanted& wanted, int64_t next) {
    // A callback returns to the call, whose arguments are those of the round before.
    const bool is_callback = next >= 0 && walk.env.facts[static_cast<size_t>(next)].calls_callback;
    const bool arguments_wanted = (wanted.regs[wanted.frame] & argument_regs) != 0;
    if ((arguments_wanted && !is_callback) || wanted.frame + 1 >= abi::max_call_frames) return Back::cannot_follow;
    const bool result = next > 0 && wanted.reg(0) && walk.env.insns[static_cast<size_t>(next - 1)].code == (BPF_JMP | BPF_CALL) &&
                        walk.env.insns[static_cast<size_t>(next - 1)].src_reg == BPF_PSEUDO_CALL;
    wanted.drop(0);
    ++wanted.frame;
    if (result) wanted.want(0);
    return Back::done;
}

Back back_over(Walk& walk, Wanted& wanted, uint32_t index, int64_t next, const HistoryEntry* entry) {
    const bpf_insn& insn = walk.env.insns[index];
    if (insn.code == 0) return Back::done;  // the second half of ld_imm64
    want_linked(wanted, entry);
    const bool on_stack = entry != nullptr && entry->stack_access;
    const uint64_t slot = on_stack ? uint64_t{1} << entry->slot : 0;
    switch (BPF_CLASS(insn.code)) {
        case BPF_ALU:
        case BPF_ALU64:
            back_over_alu(wanted, insn);
            break;
        case BPF_LDX:
            if (!wanted.reg(insn.dst_reg)) break;
            wanted.drop(insn.dst_reg);
            if (on_stack) wanted.slots[entry->frame] |= slot;
            break;
        case BPF_ST:
        case BPF_STX:
            if (wanted.reg(insn.dst_reg)) return Back::cannot_follow;
            if (!on_stack || (wanted.slots[entry->frame] & slot) == 0) break;
            wanted.slots[entry->frame] &= ~slot;
            if (BPF_CLASS(insn.code) == BPF_STX) wanted.want(insn.src_reg);
            break;
        case BPF_LD:
            // A load from the packet that failed ended its function.
            if (BPF_MODE(insn.code) != BPF_IMM && next >= 0 && next != int64_t{index} + 1) return Back::cannot_follow;
            if (!wanted.reg(insn.dst_reg)) break;
            wanted.drop(insn.dst_reg);
            if (BPF_MODE(insn.code) != BPF_IMM) return Back::cannot_follow;
            break;
        case BPF_JMP:
        case BPF_JMP32:
            if (BPF_OP(insn.code) == BPF_CALL) {
                if (back_over_call(walk, wanted, insn, index, next) == Back::cannot_follow) return Back::cannot_follow;
            } else if (BPF_OP(insn.code) == BPF_EXIT) {
                return back_over_exit(walk, wanted, next);
            } else if (BPF_OP(insn.code) != BPF_JA && BPF_SRC(insn.code) == BPF_X &&
                       (wanted.reg(insn.dst_reg) || wanted.reg(insn.src_reg))) {
                wanted.want(insn.dst_reg);
                wanted.want(insn.src_reg);
            }
            break;
        default:
            break;
    }
    want_linked(wanted, entry);
    return Back::done;
}

// Marks what is wanted in a checkpoint; what was marked before, or is no scalar, is wanted no longer.
void mark_state(State& state, Wanted& wanted) {
    for (uint32_t f = 0; f <= wanted.frame && f < state.frames.size(); ++f) {
        Frame& frame = *state.frames[f];
        for (uint32_t bits = wanted.regs[f]; bits != 0; bits &= bits - 1) {
            const auto r = static_cast<uint32_t>(std::countr_zero(bits));
            Reg& reg = frame.regs[r];
            if (!reg.is(Kind::scalar) || reg.precise) wanted.regs[f] &= ~(1U << r);
            if (reg.is(Kind::scalar)) reg.precise = true;
        }
        for (uint64_t bits = wanted.slots[f]; bits != 0; bits &= bits - 1) {
            const auto i = static_cast<uint32_t>(std::countr_zero(bits));
            if (i >= frame.stack.size() || frame.stack[i].type[0] != SlotType::spill || !frame.stack[i].spilled.is(Kind::scalar)) {
                wanted.slots[f] &= ~(uint64_t{1} << i);
                continue;
            }
            if (frame.stack[i].spilled.precise) wanted.slots[f] &= ~(uint64_t{1} << i);
            frame.stack[i].spilled.precise = true;
        }
    }
}

void mark_everything(Walk& walk) {
    for (State* state = &walk.state; state != nullptr; state = state->parent) {
        for_each_reg(*state, [](Reg& reg) {
            if (reg.is(Kind::scalar)) reg.precise = true;
        });
    }
}

std::string reg_names(uint32_t bits) {
    std::string text;
    for (; bits != 0; bits &= bits - 1) text += fmt::format("{}r{}", text.empty() ? "" : ",", std::countr_zero(bits));
    return text;
}

std::string slot_names(uint64_t bits) {
    std::string text;
    for (; bits != 0; bits &= bits - 1) text += fmt::format("{}-{}", text.empty() ? "" : ",", (std::countr_zero(bits) + 1) * 8);
    return text;
}

Result<void> follow(Walk& walk, Wanted wanted) {
    uint32_t last = walk.insn;  // not executed yet, or the one that asks
    bool skip_first = true;
    State* state = &walk.state;
    uint32_t first = state->first_insn;
    int64_t next = -1;
    while (!wanted.empty()) {
        Log& log = walk.env.log;
        const bool verbose = log.verbose();
        if (verbose)
            log.print("mark_precise: frame{}: last_idx {} first_idx {} subseq_idx {} \n", wanted.frame, static_cast<int32_t>(last), first,
                      next);
        if (last == UINT32_MAX) {
            // The entry of a global function: its arguments.
            mark_state(*state, wanted);
            return {};
        }
        size_t end = state->history.size();
        for (uint32_t at = last;;) {
            if (!skip_first) {
                const HistoryEntry* entry = entry_for(*state, end, at);
                if (verbose && walk.env.insns[at].code != 0) {
                    log.print("mark_precise: frame{}: regs={} stack={} before {}: {}", wanted.frame, reg_names(wanted.regs[wanted.frame]),
                              slot_names(wanted.slots[wanted.frame]), at, insn_text(walk.env, at));
                }
                if (back_over(walk, wanted, at, next, entry) == Back::cannot_follow) {
                    mark_everything(walk);
                    return {};
                }
            }
            skip_first = false;
            if (wanted.empty()) return {};
            next = at;
            if (!step_back(*state, end, at)) break;
        }
        State* parent = state->parent;
        if (parent == nullptr) break;
        mark_state(*parent, wanted);
        if (verbose) {
            for (uint32_t f = wanted.frame + 1; f-- > 0 && f < parent->frames.size();) {
                log.print("mark_precise: frame{}: parent state regs={} stack={}: {}\n", f, reg_names(wanted.regs[f]),
                          slot_names(wanted.slots[f]), describe(*parent->frames[f], true, 0, 0));
            }
        }
        next = first;
        state = parent;
        first = state->first_insn;
        last = state->last_insn;
    }
    if (!wanted.empty()) mark_everything(walk);
    return {};
}

}  // namespace

Result<void> mark_precise(Walk& walk, uint32_t number) {
    Wanted wanted;
    wanted.frame = walk.state.depth() - 1;
    wanted.want(number);
    return follow(walk, wanted);
}

Result<void> mark_precise_slot(Walk& walk, uint32_t frame, uint32_t slot) {
    Wanted wanted;
    wanted.frame = walk.state.depth() - 1;
    wanted.slots[frame] |= uint64_t{1} << slot;
    return follow(walk, wanted);
}

Result<void> propagate_precision(Walk& walk, const State& old) {
    Wanted wanted;
    wanted.frame = old.depth() - 1;
    Log& log = walk.env.log;
    for (uint32_t f = old.depth(); f-- > 0;) {
        const Frame& frame = *old.frames[f];
        bool first = true;
        const auto propagates = [&](const char* what, uint32_t number, int32_t name) {
            if (log.verbose() && first) log.print("frame {}: propagating {}{}", f, what, name);
            if (log.verbose() && !first) log.print(",{}{}", what, name);
            first = false;
            return uint64_t{1} << number;
        };
        for (uint32_t r = 0; r < r_fp; ++r) {
            const Reg& reg = frame.regs[r];
            if (!reg.is(Kind::scalar) || !reg.precise || (reg.live & live_read) == 0) continue;
            wanted.regs[f] |= static_cast<uint32_t>(propagates("r", r, static_cast<int32_t>(r)));
        }
        for (uint32_t i = 0; i < frame.stack.size(); ++i) {
            const StackSlot& slot = frame.stack[i];
            if (slot.type[7] != SlotType::spill || !slot.spilled.is(Kind::scalar) || !slot.spilled.precise) continue;
            if ((slot.spilled.live & live_read) == 0) continue;
            wanted.slots[f] |= propagates("fp", i, -static_cast<int32_t>(8 * (i + 1)));
        }
        if (!first && log.verbose()) log.print("\n");
    }
    if (wanted.empty()) return {};
    return follow(walk, wanted);
}

void push_history(Walk& walk, bool stack_access, uint32_t frame, uint32_t slot, uint64_t linked) {
    State& state = walk.state;
    if (walk.history_pushed && !state.history.empty() && state.history.back().index == walk.insn) {
        HistoryEntry& entry = state.history.back();
        if (stack_access) {
            entry.stack_access = true;
            entry.frame = static_cast<uint8_t>(frame);
            entry.slot = static_cast<uint8_t>(slot);
        }
        if (linked != 0) entry.linked = linked;
        return;
    }
    state.history.push_back({.index = walk.insn,
                             .previous = walk.previous,
                             .stack_access = stack_access,
                             .frame = static_cast<uint8_t>(frame),
                             .slot = static_cast<uint8_t>(slot),
                             .linked = linked});
    walk.history_pushed = true;
}

}  // namespace graft::verify
