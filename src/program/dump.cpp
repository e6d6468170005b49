// The addresses that the verifier put into ld_imm64 go back to ids, for the client must not see them and could not use them; what is no
// instruction of BPF becomes the one it was.

#include "program/dump.h"

#include "helper/kfuncs.h"
#include "isa/insn.h"

namespace graft {
namespace {

// Which map an address belongs to: the Map object itself, or its values.
const Map* map_at(const Program& program, uint64_t address, uint32_t& offset) {
    for (const Ref<Map>& map : program.code().maps) {
        offset = 0;
        if (reinterpret_cast<uint64_t>(map.get()) == address) return map.get();
        const Result<void*> values = map->direct_value(0);
        if (!values.ok()) continue;
        const uint64_t first = reinterpret_cast<uint64_t>(values.value());
        const uint64_t size = uint64_t{map->value_stride()} * map->spec().max_entries;
        if (address < first || address >= first + size) continue;
        offset = static_cast<uint32_t>(address - first);
        return map.get();
    }
    return nullptr;
}

void restore_map(const Program& program, bpf_insn* slots) {
    const uint64_t address = imm64_of(slots[0], slots[1]);
    uint32_t offset = 0;
    const Map* map = map_at(program, address, offset);
    const bool is_value = slots[0].src_reg == BPF_PSEUDO_MAP_VALUE || slots[0].src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
    slots[0].src_reg = is_value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
    slots[0].imm = map == nullptr ? 0 : static_cast<int32_t>(map->id());
    slots[1].imm = is_value ? static_cast<int32_t>(offset) : 0;
}

bool names_map(const bpf_insn& insn) {
    return insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE || insn.src_reg == BPF_PSEUDO_MAP_IDX ||
           insn.src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
}

// The helper that stands for bpf_perf_event_output in programs on packets, which may not call it by its own name.
bool is_packet_output(const Program& program, const bpf_insn& insn) {
    if (program.facts().type == BPF_PROG_TYPE_TRACING || !is_helper_call(insn)) return false;
    return insn.imm == BPF_FUNC_xdp_output || insn.imm == BPF_FUNC_skb_output;
}

}  // namespace

std::vector<bpf_insn> dump_instructions(const Program& program) {
    std::vector<bpf_insn> insns = program.code().insns;
    for (size_t i = 0; i < insns.size(); ++i) {
        if (is_ld_imm64(insns[i]) && i + 1 < insns.size()) {
            if (names_map(insns[i])) restore_map(program, &insns[i]);
            ++i;
        } else if (is_pseudo_call(insns[i])) {
            // Clients expect them the other way round: the distance in `off`, the number of the function in `imm`.
            const auto number = static_cast<uint16_t>(insns[i].off);
            insns[i].off = static_cast<int16_t>(insns[i].imm);
            insns[i].imm = number;
        } else if (is_helper_call(insns[i]) && find_kfunc(static_cast<uint32_t>(insns[i].imm)) != nullptr) {
            insns[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
        } else if (is_packet_output(program, insns[i])) {
            insns[i].imm = BPF_FUNC_perf_event_output;
        } else if (BPF_CLASS(insns[i].code) == BPF_LDX) {
            const uint8_t mode = BPF_MODE(insns[i].code);
            const uint8_t given = mode == abi::probe_mem ? uint8_t{BPF_MEM} : mode == abi::probe_memsx ? abi::memsx : mode;
            insns[i].code = static_cast<uint8_t>(BPF_LDX | BPF_SIZE(insns[i].code) | given);
        }
    }
    return insns;
}

}  // namespace graft
