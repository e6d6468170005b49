// Context accesses: the program speaks UAPI's struct, the engine graft's own.
#include "isa/insn.h"
#include "verify/after/editor.h"
#include "verify/after/rewrite.h"

namespace graft::verify {
namespace {

bool is_memory_access(const bpf_insn& insn) {
    const uint8_t kind = BPF_CLASS(insn.code), mode = BPF_MODE(insn.code);
    if (kind == BPF_LDX) return mode == BPF_MEM || mode == abi::memsx;
    return (kind == BPF_ST || kind == BPF_STX) && mode == BPF_MEM;
}

// After a load of the whole field: the bytes that were asked for, from `first` on.
void append_part(std::vector<bpf_insn>& insns, unsigned dst_reg, uint32_t first, uint32_t size, uint32_t field_size) {
    const uint8_t kind = field_size <= 4 ? BPF_ALU : BPF_ALU64;
    bpf_insn part{};
    part.dst_reg = dst_reg & 0xf;
    if (first != 0) {
        part.code = static_cast<uint8_t>(kind | BPF_RSH | BPF_K);
        part.imm = static_cast<int32_t>(first * 8);
        insns.push_back(part);
    }
    // Four bytes of eight: the mask would be sign-extended, so a 32-bit move clears the upper half.
    part.code = size == 4 ? uint8_t{BPF_ALU | BPF_MOV | BPF_X} : static_cast<uint8_t>(kind | BPF_AND | BPF_K);
    part.src_reg = size == 4 ? part.dst_reg : uint8_t{0};
    part.imm = size == 4 ? 0 : static_cast<int32_t>((uint64_t{1} << size * 8) - 1);
    insns.push_back(part);
}

std::vector<bpf_insn> converted(const Env& env, const bpf_insn& insn) {
    const uint32_t size = access_size_of(insn);
    const auto offset = static_cast<uint32_t>(insn.off);
    const bool is_write = BPF_CLASS(insn.code) != BPF_LDX;
    const auto access = env.type->ctx_access(offset, size, is_write, env.expected_attach_type());
    const uint32_t field_size = access ? access->field_size : 0;
    const bool in_part = !is_write && field_size > size;

    bpf_insn whole = insn;
    if (in_part) {
        const uint8_t code = field_size == 2 ? BPF_H : field_size == 4 ? BPF_W : BPF_DW;
        whole.code = static_cast<uint8_t>(BPF_LDX | BPF_MEM | code);
        whole.off = static_cast<int16_t>(offset & ~(field_size - 1));
    }
    std::vector<bpf_insn> insns = env.type->convert_ctx_access(whole);
    if (in_part) append_part(insns, insn.dst_reg, offset & (field_size - 1), size, field_size);
    if (BPF_MODE(insn.code) == abi::memsx) {
        insns.push_back({BPF_ALU64 | BPF_MOV | BPF_X, insn.dst_reg, insn.dst_reg, static_cast<int16_t>(size * 8), 0});
    }
    return insns;
}

}  // namespace

Result<void> rewrite_context_accesses(Env& env) {
    if (env.type->convert_ctx_access == nullptr) return {};
    Editor editor(env.insns);
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        if (env.facts[i].pointer == PointerUse::ctx && is_memory_access(env.insns[i])) editor.replace(i, converted(env, env.insns[i]));
    }
    if (!editor.empty()) adopt(env, TRY(editor.apply()));
    return {};
}

}  // namespace graft::verify
