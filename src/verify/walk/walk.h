// Walk: the exploration of every path of one function (and of the static functions it calls).
//
// explore() runs the loop; step() does one instruction; the rest of walk/, pointer/, call/ and prune/ are functions on a Walk.  A branch
// that is not taken at once waits in `pending`; explored states are kept per instruction (prune/) and are what the liveness and precision
// marks of their descendants are written to.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "verify/env.h"
#include "verify/state/state.h"

namespace graft::verify {

// A path that waits for its turn.
struct Pending {
    State state;
    uint32_t insn = 0;
    uint32_t previous = 0;
    uint64_t log_mark = 0;
};

// A checkpoint.
struct Explored {
    State state;
    uint32_t misses = 0;
    uint32_t hits = 0;
};

// What goes on from function to function: counts for the line that closes the log, ids, when the last checkpoint was.
struct WalkCounts {
    uint32_t insns = 0;
    uint32_t max_states_per_insn = 0;
    uint32_t total_states = 0;
    uint32_t peak_states = 0;
    uint32_t longest_mark_read = 0;
    uint32_t last_id = 0;  // for Reg::id
    uint32_t jumps = 0, insns_at_checkpoint = 0, jumps_at_checkpoint = 0;
    uint32_t printed_line = 0;  // one more than the last line_info shown; 0: none
};

struct Walk {
    Walk(Env& walk_env, WalkCounts& walk_counts) : env(walk_env), counts(walk_counts), explored(walk_env.insns.size()) {}

    Env& env;
    WalkCounts& counts;
    State state;            // of the path in hand
    uint32_t insn = 0;      // the instruction in hand
    uint32_t previous = 0;  // the one before it on the path
    std::vector<Pending> pending;
    // By instruction and call site, hashed as Linux does: its log counts what is in one place.
    std::vector<std::vector<std::unique_ptr<Explored>>> explored;
    std::vector<std::unique_ptr<Explored>> retired;  // evicted from the table, but descendants still point into them
    bool print_all = false;                          // the whole state goes into the log before the next instruction
    // What the instruction in hand changed, for the log.
    uint32_t touched = 0;
    uint64_t touched_slots = 0;
    // The log position and text column of the instruction in hand.
    uint64_t insn_log_end = 0, insn_log_column = 0;
    bool history_pushed = false;

    [[nodiscard]] std::array<Reg, reg_count>& regs() { return state.regs(); }
    [[nodiscard]] Reg& reg(uint32_t number) { return state.regs()[number]; }
    [[nodiscard]] std::vector<std::unique_ptr<Explored>>& explored_at(uint32_t at, const State& path) {
        return explored[(at ^ path.frame().call_site) % explored.size()];
    }
    [[nodiscard]] uint32_t next_id() { return ++counts.last_id; }
    void touch(uint32_t number) { touched |= 1U << number; }
    void touch_slot(uint32_t slot) { touched_slots |= uint64_t{1} << slot; }
};

// Verifies function `number` (0: the main function) from a fresh first state.
Result<void> explore(Env& env, WalkCounts& counts, uint32_t number);

// One instruction; advances walk.insn.  `finished`: the path has ended.
enum class Step { next, path_done };
Result<Step> step(Walk& walk);
Result<void> step_alu(Walk& walk, const bpf_insn& insn);
Result<void> step_load(Walk& walk, const bpf_insn& insn);   // LDX
Result<void> step_store(Walk& walk, const bpf_insn& insn);  // ST, STX
Result<void> step_atomic(Walk& walk, const bpf_insn& insn);
Result<void> step_jump(Walk& walk, const bpf_insn& insn);  // conditional: falls through or sets walk.insn
Result<void> step_ld_imm(Walk& walk, const bpf_insn& insn);
Result<void> step_ld_abs(Walk& walk, const bpf_insn& insn);
Result<Step> step_exit(Walk& walk);

// --- operands ----------------------------------------------------------------------------------------------------------------------------
enum class Use { read, write, write_no_mark };
// Is the register there (R0..R10), initialised when read, not R10 when written?  Marks liveness.  EINVAL, EACCES.
Result<void> use_reg(Walk& walk, uint32_t number, Use use);
// Would storing or comparing it show an address to an unprivileged user?
[[nodiscard]] bool leaks_pointer(const Walk& walk, const Reg& reg);

// Sets a register to an unknown scalar and shows it in the log.
void mark_unknown(Walk& walk, uint32_t number);

// After a change of a scalar: do its views agree?  Else says so in the log and forgets its ranges; EFAULT under BPF_F_TEST_REG_INVARIANTS.
Result<void> require_consistent(Walk& walk, Reg& reg, const char* where);

// A copy of the state waits at `target`.  Null: E2BIG was printed (too many pending).
Result<State*> push_branch(Walk& walk, uint32_t target, uint32_t from);
// A state of its own, which continues nothing, waits at `target`.  EFAULT: too many are pending.
Result<void> push_path(Walk& walk, State state, uint32_t target, uint32_t from);

}  // namespace graft::verify
