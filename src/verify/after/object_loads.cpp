// Loads through pointers into kernel objects: the engine is told that the pointer may be null.
#include "verify/after/rewrite.h"

namespace graft::verify {

void rewrite_object_loads(Env& env) {
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        bpf_insn& insn = env.insns[i];
        if (env.facts[i].pointer != PointerUse::btf_object || BPF_CLASS(insn.code) != BPF_LDX) continue;
        const uint8_t mode = BPF_MODE(insn.code) == abi::memsx ? abi::probe_memsx : abi::probe_mem;
        insn.code = static_cast<uint8_t>(BPF_LDX | BPF_SIZE(insn.code) | mode);
    }
}

}  // namespace graft::verify
