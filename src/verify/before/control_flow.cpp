// Which instructions can be reached, and where the walk stops to compare states.
//
// Loops are for the walk to bound, so the order of the search does not matter: an edge only has to be followed once.  The marks decide how
// many states the walk keeps, which the last line of the log counts: they are where Linux 6.12 has them.
#include "helper/helper.h"
#include "isa/insn.h"
#include "verify/before/before.h"

namespace graft::verify {
namespace {

// A helper that calls back while it runs.
bool calls_back(const bpf_insn& insn) {
    switch (insn.imm) {
        case BPF_FUNC_for_each_map_elem:
        case BPF_FUNC_find_vma:
        case BPF_FUNC_loop:
        case BPF_FUNC_user_ringbuf_drain:
            return insn.src_reg == 0;
        default:
            return false;
    }
}
// A helper whose callback runs later.
bool sets_callback(const bpf_insn& insn) { return insn.src_reg == 0 && insn.imm == BPF_FUNC_timer_set_callback; }

bool changes_packet(const bpf_insn& insn) {
    const Helper* helper = insn.src_reg == 0 ? find_helper(static_cast<uint32_t>(insn.imm)) : nullptr;
    return helper != nullptr && helper->changes_packet;
}

class Search {
public:
    explicit Search(Env& env) : env_(env), reached_(env.insns.size()) {}

    void run() {
        reach(0);
        reach(env_.functions[env_.exception_callback].start);
        while (!waiting_.empty()) {
            const uint32_t insn = waiting_.back();
            waiting_.pop_back();
            visit(insn);
        }
        // Callees may have been found after their callers.
        for (bool changed = true; changed;) {
            changed = false;
            for (const auto& [caller, callee] : calls_) {
                if (!env_.functions[callee].changes_packet || env_.functions[caller].changes_packet) continue;
                env_.functions[caller].changes_packet = changed = true;
            }
        }
    }
    [[nodiscard]] bool reached(uint32_t insn) const { return reached_[insn]; }

private:
    void reach(int64_t insn) {
        const auto index = static_cast<uint32_t>(insn);
        if (reached_[index]) return;
        reached_[index] = true;
        waiting_.push_back(index);
    }
    void mark_target(int64_t insn) {
        InsnFacts& facts = env_.facts[static_cast<uint32_t>(insn)];
        facts.prune_point = facts.jump_point = true;
    }
    void reach_target(int64_t insn) {
        mark_target(insn);
        reach(insn);
    }
    // A call of a function of the program, or its address taken: it may run from here.
    void visit_callee(uint32_t insn, uint32_t next) {
        mark_target(next);  // where the callee returns to
        env_.facts[insn].prune_point = true;
        const int64_t callee = int64_t{insn} + 1 + env_.insns[insn].imm;
        calls_.emplace_back(env_.function_of(insn), env_.function_of(static_cast<uint32_t>(callee)));
        reach_target(callee);
    }
    void visit_call(uint32_t insn) {
        const bpf_insn& call = env_.insns[insn];
        InsnFacts& facts = env_.facts[insn];
        if (sets_callback(call)) facts.prune_point = true;
        if (calls_back(call)) {
            // The walk comes back to the call for each round of the callback: it must find its earlier states here.
            facts.calls_callback = facts.force_checkpoint = facts.prune_point = facts.jump_point = true;
        }
        if (changes_packet(call)) env_.functions[env_.function_of(insn)].changes_packet = true;
        mark_target(int64_t{insn} + 1);
        if (call.src_reg == BPF_PSEUDO_CALL) visit_callee(insn, insn + 1);
    }
    void visit(uint32_t insn);

    Env& env_;
    std::vector<bool> reached_;
    std::vector<uint32_t> waiting_;
    std::vector<std::pair<uint32_t, uint32_t>> calls_;  // functions
};

void Search::visit(uint32_t insn) {
    const bpf_insn& code = env_.insns[insn];
    const int64_t next = int64_t{insn} + (is_ld_imm64(code) ? 2 : 1);
    if (is_ld_imm64(code) && code.src_reg == BPF_PSEUDO_FUNC) visit_callee(insn, static_cast<uint32_t>(next));
    const uint8_t kind = BPF_CLASS(code.code);
    if (kind != BPF_JMP && kind != BPF_JMP32) return reach(next);
    switch (BPF_OP(code.code)) {
        case BPF_EXIT:
            return;
        case BPF_CALL:
            visit_call(insn);
            return reach(next);
        case BPF_JA:
            return reach_target(next + (kind == BPF_JMP ? code.off : code.imm));
        default:
            env_.facts[insn].prune_point = true;
            if (code.code == (BPF_JMP | 0xe0)) env_.facts[insn].force_checkpoint = true;  // may_goto
            reach(next);
            return reach_target(next + code.off);
    }
}

}  // namespace

// Jumps were found to stay inside their functions, which end in an exit or a jump: no edge leads out of the program.
Result<void> check_control_flow(Env& env) {
    Search search(env);
    search.run();
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (!search.reached(i)) return env.reject(EINVAL, "unreachable insn {}", i);
        if (!is_ld_imm64(env.insns[i])) continue;
        if (search.reached(i + 1)) return env.reject(EINVAL, "jump into the middle of ldimm64 insn {}", i);
        ++i;
    }
    return {};
}

}  // namespace graft::verify
