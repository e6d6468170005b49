// LD_ABS and LD_IND: loads from the frame that need no bounds check, since one that misses the frame ends the function with 0.
#include "helper/skb_load.h"
#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {
namespace {

constexpr uint8_t r0 = 0, r1 = 1, r2 = 2, r6 = 6;

bool is_frame_load(const bpf_insn& insn) {
    return BPF_CLASS(insn.code) == BPF_LD && (BPF_MODE(insn.code) == BPF_ABS || BPF_MODE(insn.code) == BPF_IND);
}

uint32_t operation_of(const bpf_insn& insn) {
    switch (BPF_SIZE(insn.code)) {
        case BPF_B:
            return op_skb_load_8;
        case BPF_H:
            return op_skb_load_16;
        default:
            return op_skb_load_32;
    }
}

// The context is in R6; R1 to R5 are the program's no longer.  The offset goes first: its register may be R1.
std::vector<bpf_insn> as_call(const bpf_insn& insn) {
    std::vector<bpf_insn> insns;
    if (BPF_MODE(insn.code) == BPF_IND) {
        insns.push_back({BPF_ALU64 | BPF_MOV | BPF_X, r2, insn.src_reg, 0, 0});
        if (insn.imm != 0) insns.push_back({BPF_ALU | BPF_ADD | BPF_K, r2, 0, 0, insn.imm});
    } else {
        insns.push_back({BPF_ALU64 | BPF_MOV | BPF_K, r2, 0, 0, insn.imm});
    }
    insns.push_back({BPF_ALU64 | BPF_MOV | BPF_X, r1, r6, 0, 0});
    insns.push_back({BPF_JMP | BPF_CALL, 0, 0, 0, static_cast<int32_t>(operation_of(insn))});
    insns.push_back({BPF_JMP | BPF_JSGE | BPF_K, r0, 0, 2, 0});
    insns.push_back({BPF_ALU64 | BPF_MOV | BPF_K, r0, 0, 0, 0});
    insns.push_back({BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
    return insns;
}

}  // namespace

Result<void> rewrite_frame_loads(Env& env) {
    Editor editor(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (is_frame_load(env.insns[i])) editor.replace(i, as_call(env.insns[i]));
    }
    if (!editor.empty()) adopt(env, TRY(editor.apply()));
    return {};
}

}  // namespace graft::verify
