// bpf_perf_event_output in a program that runs on packets hands over bytes of the packet too: it is the helper by which a tracing program
// does so, with the context, which is that helper's struct, in R1.
#include <string_view>

#include "isa/insn.h"
#include "verify/after/rewrite.h"

namespace graft::verify {

void rewrite_packet_output(Env& env) {
    const std::string_view context = env.type->kernel_ctx_struct != nullptr ? env.type->kernel_ctx_struct : "";
    const int32_t helper = context == "xdp_buff" ? BPF_FUNC_xdp_output : context == "sk_buff" ? BPF_FUNC_skb_output : 0;
    if (helper == 0) return;
    for (bpf_insn& insn : env.insns) {
        if (is_helper_call(insn) && insn.imm == BPF_FUNC_perf_event_output) insn.imm = helper;
    }
}

}  // namespace graft::verify
