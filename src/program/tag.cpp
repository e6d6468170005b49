#include "program/tag.h"

#include <sha1.h>

#include <cstring>

namespace graft {
namespace {

bool loads_map(const bpf_insn& insn) {
    return insn.code == (BPF_LD | BPF_IMM | BPF_DW) && (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE);
}

}  // namespace

std::array<uint8_t, 8> program_tag(std::span<const bpf_insn> insns) {
    SHA1_CTX context;
    SHA1Init(&context);
    bool second_slot = false;
    for (bpf_insn insn : insns) {
        const bool first_slot = !second_slot && loads_map(insn);
        if (first_slot || second_slot) insn.imm = 0;
        second_slot = first_slot;
        uint8_t bytes[sizeof insn];
        std::memcpy(bytes, &insn, sizeof insn);
        SHA1Update(&context, bytes, sizeof bytes);
    }
    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1Final(digest, &context);
    std::array<uint8_t, 8> tag;
    std::memcpy(tag.data(), digest, tag.size());
    return tag;
}

}  // namespace graft
