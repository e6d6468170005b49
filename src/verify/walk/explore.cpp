// The loop over instructions and paths.
#include "verify/call/call.h"
#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"
#include "verify/walk/walk.h"

namespace graft::verify {
namespace {

constexpr uint32_t most_pending = 8192;  // branches that wait at once

void start(Walk& walk, uint32_t number) {
    const Function& function = walk.env.functions[number];
    auto frame = std::make_unique<Frame>();
    frame->call_site = UINT32_MAX;
    frame->function = number;
    set_pointer(frame->regs[r_fp], Kind::stack);
    walk.state.frames.push_back(std::move(frame));
    walk.state.branches = 1;
    walk.insn = function.start;
    walk.previous = UINT32_MAX;
    walk.state.first_insn = function.start;
    walk.state.last_insn = UINT32_MAX;
    walk.touched = UINT32_MAX;
    walk.touched_slots = UINT64_MAX;
}

// Takes up the last branch that was put off; false: none is left.
bool next_path(Walk& walk) {
    finish_branch(walk, walk.state);
    if (walk.pending.empty()) return false;
    Pending& path = walk.pending.back();
    if (!walk.env.log.verbose()) walk.env.log.rewind(path.log_mark);  // what was proved safe is not shown
    walk.insn_log_end = 0;
    walk.state = std::move(path.state);
    walk.insn = path.insn;
    walk.previous = path.previous;
    walk.pending.pop_back();
    walk.print_all = true;
    return true;
}

void log_safe(Walk& walk) {
    if (!log_walk(walk)) return;
    if (walk.print_all) {
        walk.env.log.print("\nfrom {} to {}: safe\n", static_cast<int32_t>(walk.previous), walk.insn);
    } else {
        walk.env.log.print("{}: safe\n", walk.insn);
    }
}

// The checks before an instruction.  path_done: an equal state was proved safe before.
Result<Step> arrive(Walk& walk) {
    Env& env = walk.env;
    if (walk.insn >= env.insns.size()) return env.reject(EFAULT, "invalid insn idx {} insn_cnt {}", walk.insn, env.insns.size());
    if (++walk.counts.insns > abi::max_insns_privileged) {
        return env.reject(E2BIG, "BPF program is too large. Processed {} insn", walk.counts.insns);
    }
    if ((walk.counts.insns & 1023) == 0 && env.request.caller != nullptr && env.request.caller->gone()) return fail(EAGAIN);
    walk.state.last_insn = walk.previous;
    walk.history_pushed = false;
    const InsnFacts& facts = env.facts[walk.insn];
    if (facts.prune_point && TRY(visited(walk)) == Visit::safe) {
        log_safe(walk);
        return Step::path_done;
    }
    if (facts.jump_point) push_history(walk, false, 0, 0, 0);
    return Step::next;
}

Result<void> run(Walk& walk) {
    for (;;) {
        Step outcome = TRY(arrive(walk));
        if (outcome == Step::next) {
            if (log_walk(walk)) {
                if (walk.print_all && walk.env.log.verbose()) print_path_start(walk);
                print_insn(walk);
            }
            walk.env.facts[walk.insn].seen = true;
            outcome = TRY(step(walk));
        }
        if (outcome == Step::path_done) {
            walk.touched = UINT32_MAX;
            walk.touched_slots = UINT64_MAX;
            if (!next_path(walk)) return {};
        }
    }
}

}  // namespace

Result<State*> push_branch(Walk& walk, uint32_t target, uint32_t from) {
    if (walk.pending.size() >= most_pending) {
        return walk.env.reject(EFAULT, "The sequence of {} jumps is too complex.", walk.pending.size());
    }
    walk.pending.push_back({.state = walk.state, .insn = target, .previous = from, .log_mark = walk.env.log.mark()});
    State& state = walk.pending.back().state;
    if (state.parent != nullptr) ++state.parent->branches;
    return &state;
}

Result<void> push_path(Walk& walk, State state, uint32_t target, uint32_t from) {
    if (walk.pending.size() >= most_pending) {
        return walk.env.reject(EFAULT, "The sequence of {} jumps is too complex for async cb.", walk.pending.size());
    }
    walk.pending.push_back({.state = std::move(state), .insn = target, .previous = from, .log_mark = walk.env.log.mark()});
    return {};
}

Result<void> explore(Env& env, WalkCounts& counts, uint32_t number) {
    Walk walk(env, counts);
    start(walk, number);
    TRY(set_up_arguments(walk, number));
    TRY(run(walk));
    if (!env.log.verbose()) env.log.rewind(0);
    return {};
}

}  // namespace graft::verify
