// Exceptions: where they may come from, and what catches them when the program names nobody.
#include "helper/kfuncs.h"
#include "isa/insn.h"
#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {

Result<void> add_default_exception_callback(Env& env) {
    constexpr uint8_t r0 = 0, r1 = 1;
    if (!env.throws || env.exception_callback != 0) return {};
    // Behind the last instruction: the program returns the cookie.
    const auto last = static_cast<uint32_t>(env.insns.size()) - 1;
    Editor editor(env.insns);
    editor.replace(last, {env.insns[last], {BPF_ALU64 | BPF_MOV | BPF_X, r0, r1, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}});
    adopt(env, TRY(editor.apply()));
    Function& hidden = env.functions.back();  // until now the sentinel
    hidden = {};
    hidden.start = last + 1;
    hidden.is_hidden = hidden.is_exception_callback = true;
    env.exception_callback = static_cast<uint32_t>(env.functions.size()) - 1;
    env.functions.emplace_back().start = static_cast<uint32_t>(env.insns.size());
    return {};
}

void find_what_throws(Env& env) {
    if (!env.throws) return;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < env.insns.size(); ++i) {
            const bpf_insn& call = env.insns[i];
            if (!is_call(call)) continue;
            const bool throws = call.src_reg == BPF_PSEUDO_CALL ? env.functions[static_cast<uint16_t>(call.off)].may_throw
                                                                : call.src_reg == 0 && call.imm == throw_kfunc;
            Function& function = env.functions[env.function_of(i)];
            if (!throws || function.may_throw) continue;
            function.may_throw = changed = true;
        }
    }
}

}  // namespace graft::verify
