// Pruning: a path that reaches an instruction in a state no more permissive than one already proved safe there needs no second walk.
//
// visited() decides at each prune point and makes checkpoints; liveness says what of a state anyone read, precision which scalars' exact
// values mattered.  Both travel backwards along State::parent and Reg::parent.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

enum class Visit { go_on, safe };
// At the instruction in hand.  EINVAL: an infinite loop.  ENOMEM never.
Result<Visit> visited(Walk& walk);

[[nodiscard]] bool same_call_sites(const State& a, const State& b);

// A path has ended: tells the checkpoints it came from.
void finish_branch(Walk& walk, State& state);

// --- states ------------------------------------------------------------------------------------------------------------------------------
// no: what nobody read or needed exactly may differ.  within: every value of `current` must be one of `old`, needed or not: what a loop is
// compared with before it is known what its rounds need.  yes: the same.
enum class Exact { no, within, yes };
// Is everything that can go wrong from `current` covered by what `old` was proved with?
[[nodiscard]] bool states_equal(Walk& walk, State& old, State& current, Exact exact);

// --- loops -------------------------------------------------------------------------------------------------------------------------------
// The outermost loop that `state` is known to be part of: its first state.  Null: none.
State* loop_head(State& state);
// The walk came from `state` to `entry`, which is still walked from.
void note_loop(State& state, State& entry);
// The last checkpoint at `insn` on the way to `state`; null: the walk has not been there.
State* earlier_round(Walk& walk, const State& state, uint32_t insn);
// Scalars that changed from one round to the next, and that nobody needed exactly, become unknown: so the rounds come to an end.
void widen(Walk& walk, const State& earlier, State& state);

// --- liveness ----------------------------------------------------------------------------------------------------------------------------
void propagate_liveness(Walk& walk, const State& old, State& current);
void forget_unread(State& state);
// The path in hand reads the register: so do the states it comes from, up to the one that wrote it.
void mark_read(Walk& walk, Reg& reg);

// --- precision ---------------------------------------------------------------------------------------------------------------------------
// The value of a scalar register (of the current frame) decided something: every scalar it was computed from must be compared exactly.
Result<void> mark_precise(Walk& walk, uint32_t number);
Result<void> mark_precise_slot(Walk& walk, uint32_t frame, uint32_t slot);
// After pruning at `old`: what was precise there is precise in the current path, too.
Result<void> propagate_precision(Walk& walk, const State& old);

// One entry of the path's history, for jump points and stack accesses.
void push_history(Walk& walk, bool stack_access, uint32_t frame, uint32_t slot, uint64_t linked);

// --- linked scalars ----------------------------------------------------------------------------------------------------------------------
// Bit of Reg::id: the register is the linked value plus Reg::off.
inline constexpr uint32_t id_add_const = 1U << 31;
struct LinkedSet {
    struct Member {
        uint8_t frame;
        bool is_reg;
        uint8_t number;  // register or slot
    };
    std::vector<Member> members;  // at most 6: what the history can hold
    [[nodiscard]] uint64_t pack() const;
    static LinkedSet unpack(uint64_t packed);
};
void collect_linked(const State& state, uint32_t id, LinkedSet& set);
void sync_linked(State& state, const Reg& known, const LinkedSet& set);

}  // namespace graft::verify
