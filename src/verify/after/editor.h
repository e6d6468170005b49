// Editor: replaces instructions of a program by none, one or several, and keeps every distance right.
//
// Jumps, subprogram calls and callback addresses of instructions that stay lead to where they led; a target that was deleted is the next
// instruction that stays.  Instructions that replace another are taken as they are: their jumps stay inside the replacement (or lead to the
// instruction behind it).
// Indices are those of the program before the edit; ld_imm64 is two instructions.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "abi/bpf.h"
#include "base/result.h"

namespace graft::verify {

struct Edited {
    std::vector<bpf_insn> insns;
    // Where each instruction went, or (deleted) the next one that stays; one more at the end: the new length.
    std::vector<uint32_t> moved;
    // Of each instruction: the old one that it is or that it replaces.
    std::vector<uint32_t> origin;
};

class Editor {
public:
    explicit Editor(const std::vector<bpf_insn>& insns) : insns_(insns) {}

    // Empty: deleted.  The last call for an index counts.
    void replace(uint32_t index, std::vector<bpf_insn> with) { edits_[index] = std::move(with); }
    void erase(uint32_t index) { edits_[index].clear(); }
    [[nodiscard]] bool empty() const { return edits_.empty(); }

    // ERANGE: a jump became too long for its 16 bits.
    [[nodiscard]] Result<Edited> apply() const;

private:
    const std::vector<bpf_insn>& insns_;
    std::map<uint32_t, std::vector<bpf_insn>> edits_;
};

}  // namespace graft::verify
