#include "verify/after/editor.h"
#include "isa/insn.h"

namespace graft::verify {
namespace {

// Where the distance to another instruction stands.
enum class Distance { none, off, imm };

Distance distance_of(const bpf_insn& insn) {
    const uint8_t kind = BPF_CLASS(insn.code);
    if (is_ld_imm64(insn)) return insn.src_reg == BPF_PSEUDO_FUNC ? Distance::imm : Distance::none;
    if (kind != BPF_JMP && kind != BPF_JMP32) return Distance::none;
    switch (BPF_OP(insn.code)) {
        case BPF_EXIT:
            return Distance::none;
        case BPF_CALL:
            return insn.src_reg == BPF_PSEUDO_CALL ? Distance::imm : Distance::none;
        case BPF_JA:
            return kind == BPF_JMP32 ? Distance::imm : Distance::off;
        default:
            return Distance::off;
    }
}

}  // namespace

Result<Edited> Editor::apply() const {
    Edited result;
    const auto count = static_cast<uint32_t>(insns_.size());
    result.moved.reserve(count + 1);
    for (uint32_t i = 0; i < count; ++i) {
        result.moved.push_back(static_cast<uint32_t>(result.insns.size()));
        const auto edit = edits_.find(i);
        if (edit == edits_.end()) {
            result.insns.push_back(insns_[i]);
        } else {
            result.insns.insert(result.insns.end(), edit->second.begin(), edit->second.end());
        }
        result.origin.resize(result.insns.size(), i);
    }
    result.moved.push_back(static_cast<uint32_t>(result.insns.size()));

    for (uint32_t i = 0; i < count; ++i) {
        const Distance where = distance_of(insns_[i]);
        if (where == Distance::none || edits_.contains(i)) continue;
        const int64_t target = int64_t{i} + 1 + (where == Distance::off ? insns_[i].off : insns_[i].imm);
        bpf_insn& insn = result.insns[result.moved[i]];
        const int64_t distance = int64_t{result.moved[static_cast<size_t>(target)]} - int64_t{result.moved[i]} - 1;
        if (where == Distance::imm) {
            insn.imm = static_cast<int32_t>(distance);
        } else if (distance < INT16_MIN || distance > INT16_MAX) {
            return fail(ERANGE, "a jump does not reach over the instructions that were put in");
        } else {
            insn.off = static_cast<int16_t>(distance);
        }
    }
    return result;
}

}  // namespace graft::verify
