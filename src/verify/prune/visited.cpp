// The table of explored states: prune, detect endless loops, make checkpoints.
#include <algorithm>

#include "isa/insn.h"
#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

// A cheap test before the exact comparison: no register changed in a way that shows progress.
bool maybe_looping(const State& old, const State& current) {
    if (old.frames.size() != current.frames.size()) return false;
    const Frame& a = old.frame();
    const Frame& b = current.frame();
    for (size_t r = 0; r < reg_count; ++r) {
        const Reg &x = a.regs[r], &y = b.regs[r];
        if (x.kind != y.kind || x.flags != y.flags || x.off != y.off || !(x.value == y.value)) return false;
    }
    return true;
}

void forget_precision(State& state) {
    for_each_reg(state, [](Reg& reg) {
        if (reg.is(Kind::scalar)) reg.precise = false;
    });
}

// From now on the state in hand continues the checkpoint: reads and precision travel to it.
void continue_from(State& current, State& checkpoint) {
    const size_t top = current.frames.size() - 1;
    for (size_t f = 0; f <= top; ++f) {
        Frame& mine = *current.frames[f];
        Frame& its = *checkpoint.frames[f];
        // Of the callers only R6..R9 are alive.
        for (size_t r = f < top ? 6 : 0; r < r_fp; ++r) {
            mine.regs[r].parent = &its.regs[r];
            mine.regs[r].live = live_none;
        }
        for (size_t i = 0; i < mine.stack.size(); ++i) {
            mine.stack[i].spilled.parent = &its.stack[i].spilled;
            mine.stack[i].spilled.live = live_none;
        }
    }
}

void checkpoint(Walk& walk) {
    ++walk.counts.total_states;
    ++walk.counts.peak_states;
    walk.counts.jumps_at_checkpoint = walk.counts.jumps;
    walk.counts.insns_at_checkpoint = walk.counts.insns;
    forget_precision(walk.state);
    auto explored = std::make_unique<Explored>();
    explored->state = walk.state;
    explored->state.insn = walk.insn;
    walk.state.parent = &explored->state;
    walk.state.first_insn = walk.insn;
    walk.state.dfs_depth = explored->state.dfs_depth + 1;
    walk.state.history.clear();
    continue_from(walk.state, explored->state);
    walk.explored_at(walk.insn, walk.state).push_back(std::move(explored));
}

Error endless(Walk& walk, const State& old) {
    print_line_info(walk, walk.insn);
    Log& log = walk.env.log;
    log.print("infinite loop detected at insn {}\n", walk.insn);
    log.print("cur state:{}\n", describe(walk.state.frame(), true, 0, 0));
    log.print("old state:{}\n", describe(old.frame(), true, 0, 0));
    return fail(EINVAL, "refused by the verifier: an infinite loop");
}

// The state in hand adds nothing to what is proved from `explored`.
Result<Visit> covered(Walk& walk, Explored& explored) {
    ++explored.hits;
    propagate_liveness(walk, explored.state, walk.state);
    if (walk.env.facts[walk.insn].jump_point) push_history(walk, false, 0, 0, 0);
    TRY(propagate_precision(walk, explored.state));
    return Visit::safe;
}

bool is_in_loop(State& state) {
    const State* const head = loop_head(state);
    return head != nullptr && head->branches != 0;
}

// The path in hand comes from `explored`: is this a loop that ends, or does not, or has not shown what it is?
enum class Round { first_of_kind, ended, endless };
Round round_of(Walk& walk, State& explored) {
    State& state = walk.state;
    const Frame& frame = explored.frame();
    // Another entry into what is called later: neither a loop, nor has the first one been walked to its end.
    if (frame.in_async_callback && frame.async_entries != state.frame().async_entries) return Round::first_of_kind;
    if (is_may_goto(walk.env.insns[walk.insn]) && explored.may_goto_depth != state.may_goto_depth &&
        states_equal(walk, explored, state, Exact::within)) {
        note_loop(state, explored);
        return Round::ended;
    }
    if (walk.env.facts[walk.insn].calls_callback)
        return states_equal(walk, explored, state, Exact::within) ? Round::ended : Round::first_of_kind;
    const bool same_round =
        explored.may_goto_depth == state.may_goto_depth && explored.callback_unroll_depth == state.callback_unroll_depth;
    const bool same = same_round && maybe_looping(explored, state) && states_equal(walk, explored, state, Exact::yes);
    return same ? Round::endless : Round::first_of_kind;
}

}  // namespace

bool same_call_sites(const State& a, const State& b) {
    if (a.frames.size() != b.frames.size()) return false;
    for (size_t f = 0; f < a.frames.size(); ++f) {
        if (a.frames[f]->call_site != b.frames[f]->call_site) return false;
    }
    return true;
}

Result<Visit> visited(Walk& walk) {
    const InsnFacts& facts = walk.env.facts[walk.insn];
    auto& states = walk.explored_at(walk.insn, walk.state);
    const bool asked = (walk.env.request.flags & BPF_F_TEST_STATE_FREQ) != 0;
    const bool force = asked || facts.force_checkpoint || walk.state.history.size() > 40;
    const uint32_t jumps = walk.counts.jumps - walk.counts.jumps_at_checkpoint;
    const uint32_t insns = walk.counts.insns - walk.counts.insns_at_checkpoint;
    bool add = force || (jumps >= 2 && insns >= 8);

    for (const auto& explored : states) {
        if (explored->state.insn != walk.insn || explored->state.branches != 0 || is_in_loop(explored->state)) continue;
        if (same_call_sites(explored->state, walk.state)) forget_unread(explored->state);
    }

    const uint32_t candidates = static_cast<uint32_t>(states.size());
    for (size_t i = states.size(); i-- > 0;) {
        Explored& explored = *states[i];
        if (explored.state.insn != walk.insn) continue;
        if (explored.state.branches != 0) {
            const Round round = round_of(walk, explored.state);
            if (round == Round::ended) return covered(walk, explored);
            if (round == Round::endless) return endless(walk, explored.state);
            if (!force && jumps < 20 && insns < 100) add = false;
        } else {
            const bool in_loop = is_in_loop(explored.state);
            if (states_equal(walk, explored.state, walk.state, in_loop ? Exact::within : Exact::no)) {
                if (in_loop) note_loop(walk.state, *loop_head(explored.state));
                return covered(walk, explored);
            }
        }
        if (add) ++explored.misses;
        const uint32_t patience = facts.force_checkpoint && explored.state.branches > 0 ? 64 : 3;
        if (explored.misses > explored.hits * patience + patience) {
            if ((explored.state.frames[0]->regs[0].live & live_done) != 0) --walk.counts.peak_states;
            walk.retired.push_back(std::move(states[i]));
            states.erase(states.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    walk.counts.max_states_per_insn = std::max(walk.counts.max_states_per_insn, candidates);
    if (add) checkpoint(walk);
    return Visit::go_on;
}

void finish_branch(Walk&, State& state) {
    for (State* at = &state; at != nullptr; at = at->parent) {
        if (--at->branches != 0) break;
        if (at->parent != nullptr && at->loop_entry != nullptr) note_loop(*at->parent, *at->loop_entry);
    }
}

}  // namespace graft::verify
