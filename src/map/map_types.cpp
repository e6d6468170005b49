#include "map/map_types.h"

#include <algorithm>
#include <array>

#include "map/array.h"
#include "map/bloom_filter.h"
#include "map/cgroup_storage.h"
#include "map/cpumap.h"
#include "map/devmap.h"
#include "map/hash.h"
#include "map/host_object_map.h"
#include "map/lpm_trie.h"
#include "map/map_in_map.h"
#include "map/perf_event_array.h"
#include "map/prog_array.h"
#include "map/queue_stack.h"
#include "map/ringbuf.h"
#include "map/struct_ops.h"

namespace graft {
namespace {

constexpr const char* one_clock = "one clock chooses what to drop, also with BPF_F_NO_COMMON_LRU";

constexpr const char* perf_outputs = "for the output of programs; no other perf events";
constexpr const char* no_sockets = "for verification only: it stays empty, as sockets are the host's";
constexpr const char* no_cgroups = "for verification and BPF_PROG_TEST_RUN only: there are no cgroups";
constexpr const char* no_tasks = "for verification only: it stays empty, as tasks, inodes and stacks are the host's";
constexpr const char* at_once = "an entry's program runs at once, on the packet thread";

constexpr auto table = std::to_array<MapType>({
    {BPF_MAP_TYPE_HASH, "hash", HashMap::check, HashMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_ARRAY, "array", ArrayMap::check, ArrayMap::create, MapBtf::index_key, 0, nullptr},
    {BPF_MAP_TYPE_PROG_ARRAY, "prog_array", ProgArrayMap::check, ProgArrayMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY, "perf_event_array", PerfEventArrayMap::check, PerfEventArrayMap::create, MapBtf::none, 0, perf_outputs},
    {BPF_MAP_TYPE_PERCPU_HASH, "percpu_hash", HashMap::check, HashMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_PERCPU_ARRAY, "percpu_array", PercpuArrayMap::check, PercpuArrayMap::create, MapBtf::index_key, 0, nullptr},
    {BPF_MAP_TYPE_STACK_TRACE, "stack_trace", HostObjectMap::check_stacks, HostObjectMap::create, MapBtf::none, 0, no_tasks},
    {BPF_MAP_TYPE_CGROUP_ARRAY, "cgroup_array", HostObjectMap::check_cgroups, HostObjectMap::create, MapBtf::none, 0, no_cgroups},
    {BPF_MAP_TYPE_LRU_HASH, "lru_hash", HashMap::check, HashMap::create, MapBtf::any, 0, one_clock},
    {BPF_MAP_TYPE_LRU_PERCPU_HASH, "lru_percpu_hash", HashMap::check, HashMap::create, MapBtf::any, 0, one_clock},
    {BPF_MAP_TYPE_LPM_TRIE, "lpm_trie", LpmTrieMap::check, LpmTrieMap::create, MapBtf::struct_key, 0, nullptr},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS, "array_of_maps", ArrayOfMaps::check, ArrayOfMaps::create, MapBtf::none, 0, nullptr, MapInner::yes},
    {BPF_MAP_TYPE_HASH_OF_MAPS, "hash_of_maps", HashOfMaps::check, HashOfMaps::create, MapBtf::any, 0, nullptr, MapInner::yes},
    {BPF_MAP_TYPE_DEVMAP, "devmap", DevmapMap::check, DevmapMap::create, MapBtf::none, BPF_F_RDONLY_PROG, nullptr},
    {BPF_MAP_TYPE_SOCKMAP, "sockmap", HostObjectMap::check_sockets_by_index, HostObjectMap::create, MapBtf::none, 0, no_sockets},
    {BPF_MAP_TYPE_CPUMAP, "cpumap", CpumapMap::check, CpumapMap::create, MapBtf::none, 0, at_once},
    {BPF_MAP_TYPE_XSKMAP, "xskmap", HostObjectMap::check_sockets_by_index, HostObjectMap::create, MapBtf::none, 0, no_sockets},
    {BPF_MAP_TYPE_SOCKHASH, "sockhash", HostObjectMap::check_sockets_by_key, HostObjectMap::create, MapBtf::none, 0, no_sockets},
    {BPF_MAP_TYPE_CGROUP_STORAGE, "cgroup_storage", CgroupStorageMap::check, CgroupStorageMap::create, MapBtf::cgroup_key, 0, no_cgroups},
    {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, "reuseport_sockarray", HostObjectMap::check_reuseport, HostObjectMap::create, MapBtf::none, 0,
     no_sockets},
    {BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, "percpu_cgroup_storage", CgroupStorageMap::check, CgroupStorageMap::create, MapBtf::cgroup_key, 0,
     no_cgroups},
    {BPF_MAP_TYPE_QUEUE, "queue", QueueStackMap::check, QueueStackMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_STACK, "stack", QueueStackMap::check, QueueStackMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_SK_STORAGE, "sk_storage", HostObjectMap::check_storage, HostObjectMap::create, MapBtf::storage_key, 0, no_sockets},
    {BPF_MAP_TYPE_STRUCT_OPS, "struct_ops", StructOpsMap::check, StructOpsMap::create, MapBtf::none, 0,
     "of bpf_dummy_ops, which cannot be registered"},
    {BPF_MAP_TYPE_RINGBUF, "ringbuf", RingbufMap::check, RingbufMap::create, MapBtf::any, 0, nullptr},
    {BPF_MAP_TYPE_INODE_STORAGE, "inode_storage", HostObjectMap::check_storage, HostObjectMap::create, MapBtf::storage_key, 0, no_tasks},
    {BPF_MAP_TYPE_TASK_STORAGE, "task_storage", HostObjectMap::check_storage, HostObjectMap::create, MapBtf::storage_key, 0, no_tasks},
    {BPF_MAP_TYPE_BLOOM_FILTER, "bloom_filter", BloomFilterMap::check, BloomFilterMap::create, MapBtf::no_key, 0, nullptr},
    {abi::map_type_cgrp_storage, "cgrp_storage", HostObjectMap::check_storage, HostObjectMap::create, MapBtf::storage_key, 0, no_cgroups},
    {BPF_MAP_TYPE_DEVMAP_HASH, "devmap_hash", DevmapMap::check, DevmapMap::create, MapBtf::none, BPF_F_RDONLY_PROG, nullptr},
});

}  // namespace

const MapType* find_map_type(uint32_t type) {
    const auto* const found = std::ranges::find(table, type, &MapType::type);
    return found == table.end() ? nullptr : found;
}

std::span<const MapType> map_types() { return table; }

}  // namespace graft
