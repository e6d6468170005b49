#include "map/map_types.h"

#include <algorithm>
#include <array>

#include "map/array.h"
#include "map/devmap.h"
#include "map/hash.h"
#include "map/perf_event_array.h"
#include "map/prog_array.h"

namespace graft {
namespace {

constexpr const char* one_clock = "one clock chooses what to drop, also with BPF_F_NO_COMMON_LRU";

constexpr const char* perf_outputs = "for the output of programs; no other perf events";

constexpr auto table = std::to_array<MapType>({
    {BPF_MAP_TYPE_HASH, "hash", HashMap::check, HashMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_ARRAY, "array", ArrayMap::check, ArrayMap::create, MapBtf::index_key, 0, nullptr},
    {BPF_MAP_TYPE_PROG_ARRAY, "prog_array", ProgArrayMap::check, ProgArrayMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY, "perf_event_array", PerfEventArrayMap::check, PerfEventArrayMap::create, MapBtf::none, 0, perf_outputs},
    {BPF_MAP_TYPE_PERCPU_HASH, "percpu_hash", HashMap::check, HashMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_PERCPU_ARRAY, "percpu_array", PercpuArrayMap::check, PercpuArrayMap::create, MapBtf::index_key, 0, nullptr},
    {BPF_MAP_TYPE_LRU_HASH, "lru_hash", HashMap::check, HashMap::create, MapBtf::any, 0, one_clock},
    {BPF_MAP_TYPE_LRU_PERCPU_HASH, "lru_percpu_hash", HashMap::check, HashMap::create, MapBtf::any, 0, one_clock},
    {BPF_MAP_TYPE_DEVMAP, "devmap", DevmapMap::check, DevmapMap::create, MapBtf::none, BPF_F_RDONLY_PROG, nullptr},
    {BPF_MAP_TYPE_DEVMAP_HASH, "devmap_hash", DevmapMap::check, DevmapMap::create, MapBtf::none, BPF_F_RDONLY_PROG, nullptr},
});

}  // namespace

const MapType* find_map_type(uint32_t type) {
    const auto* const found = std::ranges::find(table, type, &MapType::type);
    return found == table.end() ? nullptr : found;
}

std::span<const MapType> map_types() { return table; }

}  // namespace graft
