// One instruction as the verifier log of Linux 6.12 shows it: "(61) r2 = *(u32 *)(r1 +4)".
//
// Pure; any thread.  The text has no line end and no instruction number.  Every instruction that the log can show is shown as there (also
// those that the verifier refuses a moment later); one that it refuses before it shows anything may be "(ff) unknown".
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "abi/bpf.h"

namespace graft {

struct DisasmNames {
    // The name of a called helper or kfunc, without "#" and number.  Unset, or for calls it is not asked for: "unknown".
    std::function<std::string(const bpf_insn&)> call;
    // What stands behind "rN = " for an ld_imm64, from its two slots.  Unset: the number.
    std::function<std::string(const bpf_insn&, const bpf_insn&)> imm64;
};

// The instruction at the front of `insns`: one slot, or two when it is an ld_imm64 (with one slot, the missing half is 0).
[[nodiscard]] std::string disassemble(std::span<const bpf_insn> insns, const DisasmNames& names = {});

}  // namespace graft
