// Which helper calls of a function need no call.
//
// The map must be known where it is used: R1 was loaded with it in the same straight run of instructions, as compilers do.
#include "engine/x86_64/inlined.h"

#include <array>

#include "abi/bpf.h"
#include "map/map.h"

namespace graft::x86_64 {
namespace {

using enum Operation;

// What is known of the registers R0 to R9: the map that they point to.
class KnownMaps {
public:
    void forget_all() { maps_.fill(nullptr); }
    void after(const Decoded& op) {
        switch (op.operation) {
            case ld_imm64:
                maps_[op.dst] = is_map(op.src) ? reinterpret_cast<const Map*>(op.imm) : nullptr;
                return;
            case mov64x:
                maps_[op.dst] = maps_[op.src];
                return;
            case call_helper:
            case call_subprogram:
            case tail_call:
                for (uint8_t r = 0; r <= 5; ++r) maps_[r] = nullptr;
                return;
            default:
                maps_[0] = maps_[op.dst] = maps_[op.src] = nullptr;
        }
    }
    [[nodiscard]] const Map* at(uint8_t reg) const { return maps_[reg]; }

private:
    static bool is_map(uint8_t kind) { return kind == BPF_PSEUDO_MAP_FD || kind == BPF_PSEUDO_MAP_IDX; }
    std::array<const Map*, 16> maps_{};
};

bool is_helper(const Decoded& op, uint32_t id) { return op.operation == call_helper && op.helper == find_helper(id)->function; }

}  // namespace

std::vector<Inlined> find_inlined(std::span<const Decoded> operations, const std::vector<bool>& jump_targets) {
    std::vector<Inlined> found(operations.size());
    KnownMaps maps;
    for (size_t i = 0; i < operations.size(); ++i) {
        const Decoded& op = operations[i];
        if (op.operation == unreachable) continue;  // the second slot of ld_imm64
        if (jump_targets[i]) maps.forget_all();
        if (is_helper(op, BPF_FUNC_get_smp_processor_id)) found[i].cpu = true;
        if (is_helper(op, BPF_FUNC_map_lookup_elem) && maps.at(1) != nullptr) found[i].elements = maps.at(1)->element_array();
        maps.after(op);
    }
    return found;
}

}  // namespace graft::x86_64
