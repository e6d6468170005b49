#include "map/map_types.h"

#include <algorithm>
#include <array>

#include "map/array.h"
#include "map/hash.h"

namespace graft {
namespace {

constexpr auto table = std::to_array<MapType>({
    {.type = BPF_MAP_TYPE_HASH, .name = "hash", .check = HashMap::check, .create = HashMap::create, .partly = nullptr},
    {.type = BPF_MAP_TYPE_ARRAY, .name = "array", .check = ArrayMap::check, .create = ArrayMap::create, .partly = nullptr},
    {.type = BPF_MAP_TYPE_PERCPU_HASH, .name = "percpu_hash", .check = HashMap::check, .create = HashMap::create, .partly = nullptr},
    {.type = BPF_MAP_TYPE_PERCPU_ARRAY,
     .name = "percpu_array",
     .check = PercpuArrayMap::check,
     .create = PercpuArrayMap::create,
     .partly = nullptr},
    {.type = BPF_MAP_TYPE_LRU_HASH,
     .name = "lru_hash",
     .check = HashMap::check,
     .create = HashMap::create,
     .partly = "one clock chooses what to drop, also with BPF_F_NO_COMMON_LRU"},
    {.type = BPF_MAP_TYPE_LRU_PERCPU_HASH,
     .name = "lru_percpu_hash",
     .check = HashMap::check,
     .create = HashMap::create,
     .partly = "one clock chooses what to drop, also with BPF_F_NO_COMMON_LRU"},
});

}  // namespace

const MapType* find_map_type(uint32_t type) {
    const auto* const found = std::ranges::find(table, type, &MapType::type);
    return found == table.end() ? nullptr : found;
}

std::span<const MapType> map_types() { return table; }

}  // namespace graft
