// Layout: replaces instructions of a program, each by any number of others, and keeps every offset right.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/bpf.h"

namespace graft::verify {

class Layout {
public:
    explicit Layout(const std::vector<bpf_insn>& insns);

    // Instruction `index` becomes `with`: nothing (it is removed), or instructions without jumps to the outside.  An ld_imm64 is two.
    void replace(uint32_t index, std::vector<bpf_insn> with);

    struct Result {
        std::vector<bpf_insn> insns;
        // Where old instruction i, or what follows it when it was removed, stands now; one more entry for the end.
        std::vector<uint32_t> position;
        std::vector<bool> removed;
    };
    // Jumps, calls of functions and addresses of functions lead where they led before.
    [[nodiscard]] Result apply() const;

private:
    struct Edit {
        uint32_t index;
        std::vector<bpf_insn> with;
    };
    const std::vector<bpf_insn>& insns_;
    std::vector<Edit> edits_;  // ascending
};

}  // namespace graft::verify
