// find_inlined(): which helper calls of a function are done on the spot: lookups in arrays, and the number of the CPU.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/operation.h"
#include "map/map.h"

namespace graft::x86_64 {

struct Inlined {
    std::optional<ElementArray> elements;  // bpf_map_lookup_elem in these
    bool cpu = false;                      // bpf_get_smp_processor_id
    [[nodiscard]] bool any() const { return elements.has_value() || cpu; }
    [[nodiscard]] bool needs_run() const { return cpu || (elements && elements->cpu_stride != 0); }
};

// By slot.
[[nodiscard]] std::vector<Inlined> find_inlined(std::span<const Decoded> operations, const std::vector<bool>& jump_targets);

}  // namespace graft::x86_64
