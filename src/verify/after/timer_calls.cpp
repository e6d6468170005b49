// bpf_timer_set_callback gets a third argument that the program does not know of, and that a client sees among its instructions: on Linux
// the program itself, which here the callback knows.
#include "isa/insn.h"
#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {

Result<void> rewrite_timer_calls(Env& env) {
    constexpr uint8_t r3 = 3;
    Editor editor(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        const bpf_insn& call = env.insns[i];
        if (!is_helper_call(call) || call.imm != BPF_FUNC_timer_set_callback) continue;
        editor.replace(i, {{BPF_LD | BPF_IMM | BPF_DW, r3, 0, 0, 0}, {}, call});
    }
    if (!editor.empty()) adopt(env, TRY(editor.apply()));
    return {};
}

}  // namespace graft::verify
