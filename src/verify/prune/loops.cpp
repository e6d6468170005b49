// Loops whose number of rounds is not in the program: callbacks of helpers and may_goto.  They are walked until a round adds nothing.
#include "verify/prune/prune.h"

namespace graft::verify {

State* loop_head(State& state) {
    State* head = state.loop_entry;
    while (head != nullptr && head->loop_entry != nullptr && head->loop_entry != head) head = head->loop_entry;
    state.loop_entry = head;  // a shorter way next time
    return head;
}

void note_loop(State& state, State& entry) {
    State *const known = loop_head(state), *const outer = loop_head(entry);
    const State& mine = known != nullptr ? *known : state;
    const State& its = outer != nullptr ? *outer : entry;
    if (its.branches != 0 && its.dfs_depth <= mine.dfs_depth) state.loop_entry = &entry;
}

State* earlier_round(Walk& walk, const State& state, uint32_t insn) {
    auto& states = walk.explored_at(insn, state);
    for (size_t i = states.size(); i-- > 0;) {
        State& candidate = states[i]->state;
        if (candidate.insn == insn && candidate.branches != 0 && candidate.dfs_depth < state.dfs_depth && same_call_sites(candidate, state))
            return &candidate;
    }
    return nullptr;
}

}  // namespace graft::verify
