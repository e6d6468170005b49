// Dead code: what no path of the walk reached.  Branches that always go one way become jumps; what is behind the other way goes.
//
// Not only for speed: an instruction that was never checked must not run, and whoever extends a program must not find a function that
// cannot.
#include "isa/insn.h"
#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {
namespace {

bool is_nop(const bpf_insn& insn) {
    return insn.code == (BPF_JMP | BPF_JA) && insn.dst_reg == 0 && insn.src_reg == 0 && insn.off == 0 && insn.imm == 0;
}

void harden_branches(Env& env) {
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        bpf_insn& insn = env.insns[i];
        if (!is_conditional_jump(insn) || !env.facts[i].seen) continue;
        const bool falls_through = env.facts[i + 1].seen;
        const bool jumps = env.facts[static_cast<uint32_t>(int64_t{i} + 1 + insn.off)].seen;
        if (falls_through && jumps) continue;
        insn = {BPF_JMP | BPF_JA, 0, 0, falls_through ? int16_t{0} : insn.off, 0};
    }
}

template <class Condition>
Result<void> erase_if(Env& env, Condition&& condition) {
    Editor editor(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (condition(i)) editor.erase(i);
    }
    if (!editor.empty()) adopt(env, TRY(editor.apply()));
    return {};
}

}  // namespace

Result<void> remove_dead_code(Env& env) {
    harden_branches(env);
    TRY(erase_if(env, [&](uint32_t i) { return !env.facts[i].seen; }));
    return erase_if(env, [&](uint32_t i) { return is_nop(env.insns[i]); });
}

}  // namespace graft::verify
