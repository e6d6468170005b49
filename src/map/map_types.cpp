#include "map/map_types.h"

#include <algorithm>
#include <array>

#include "map/array.h"
#include "map/hash.h"

namespace graft {
namespace {

constexpr const char* one_clock = "one clock chooses what to drop, also with BPF_F_NO_COMMON_LRU";

constexpr auto table = std::to_array<MapType>({
    {BPF_MAP_TYPE_HASH, "hash", HashMap::check, HashMap::create, MapBtf::any, nullptr},
    {BPF_MAP_TYPE_ARRAY, "array", ArrayMap::check, ArrayMap::create, MapBtf::index_key, nullptr},
    {BPF_MAP_TYPE_PERCPU_HASH, "percpu_hash", HashMap::check, HashMap::create, MapBtf::any, nullptr},
    {BPF_MAP_TYPE_PERCPU_ARRAY, "percpu_array", PercpuArrayMap::check, PercpuArrayMap::create, MapBtf::index_key, nullptr},
    {BPF_MAP_TYPE_LRU_HASH, "lru_hash", HashMap::check, HashMap::create, MapBtf::any, one_clock},
    {BPF_MAP_TYPE_LRU_PERCPU_HASH, "lru_percpu_hash", HashMap::check, HashMap::create, MapBtf::any, one_clock},
});

}  // namespace

const MapType* find_map_type(uint32_t type) {
    const auto* const found = std::ranges::find(table, type, &MapType::type);
    return found == table.end() ? nullptr : found;
}

std::span<const MapType> map_types() { return table; }

}  // namespace graft
