#include "verify/after/layout.h"

#include <algorithm>

namespace graft::verify {
namespace {

enum class Leads { nowhere, by_off, by_imm };

Leads leads(const bpf_insn& insn) {
    const uint8_t cls = BPF_CLASS(insn.code), op = BPF_OP(insn.code);
    if (insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC) return Leads::by_imm;
    if (cls != BPF_JMP && cls != BPF_JMP32) return Leads::nowhere;
    if (op == BPF_CALL) return insn.src_reg == BPF_PSEUDO_CALL ? Leads::by_imm : Leads::nowhere;
    if (op == BPF_EXIT) return Leads::nowhere;
    return op == BPF_JA && cls == BPF_JMP32 ? Leads::by_imm : Leads::by_off;
}

int64_t target_of(const bpf_insn& insn, size_t index) {
    return static_cast<int64_t>(index) + 1 + (leads(insn) == Leads::by_off ? insn.off : insn.imm);
}

}  // namespace

Layout::Layout(const std::vector<bpf_insn>& insns) : insns_(insns) {}

void Layout::replace(uint32_t index, std::vector<bpf_insn> with) { edits_.push_back({index, std::move(with)}); }

Layout::Result Layout::apply() const {
    Result result;
    result.position.resize(insns_.size() + 1);
    result.removed.resize(insns_.size());
    std::vector<uint32_t> jump_at(insns_.size(), UINT32_MAX);  // where a kept instruction stands
    size_t edit = 0;
    for (size_t i = 0; i < insns_.size(); ++i) {
        result.position[i] = static_cast<uint32_t>(result.insns.size());
        if (edit < edits_.size() && edits_[edit].index == i) {
            const auto& with = edits_[edit++].with;
            result.removed[i] = with.empty();
            result.insns.insert(result.insns.end(), with.begin(), with.end());
            continue;
        }
        jump_at[i] = static_cast<uint32_t>(result.insns.size());
        result.insns.push_back(insns_[i]);
    }
    result.position[insns_.size()] = static_cast<uint32_t>(result.insns.size());
    for (size_t i = 0; i < insns_.size(); ++i) {
        if (jump_at[i] == UINT32_MAX || leads(insns_[i]) == Leads::nowhere) continue;
        const int64_t target = result.position[static_cast<size_t>(target_of(insns_[i], i))];
        const int64_t distance = target - int64_t{jump_at[i]} - 1;
        bpf_insn& insn = result.insns[jump_at[i]];
        if (leads(insn) == Leads::by_off) {
            insn.off = static_cast<int16_t>(distance);
        } else {
            insn.imm = static_cast<int32_t>(distance);
        }
    }
    return result;
}

}  // namespace graft::verify
