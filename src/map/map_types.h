// The table of map types: what may be created, by whom it is implemented, what programs may do with it.
#pragma once

#include <span>

#include "map/map.h"

namespace graft {

// What a map type needs from the kernel it lives in.
struct MapEnvironment {
    IdTable<Map>& ids;
    uint32_t possible_cpus;        // slots of a per-CPU map: the host's possible CPUs, as clients count them
    const Btf* vmlinux = nullptr;  // for values that are the kernel's own structs
};

// What BTF of key and value a type takes.
enum class MapBtf : uint8_t {
    any,          // of the right sizes, both
    index_key,    // the key is a 32-bit integer, or there is none and the only value is a data section
    storage_key,  // the key is a 32-bit integer
    struct_key,   // the key is a struct
    cgroup_key,   // the key is a struct or a 64-bit integer
    no_key,       // only the value has a type
    none,         // ENOTSUPP
};

// Whether its values are maps: BPF_MAP_CREATE is then given an example of them.
enum class MapInner : uint8_t { no, yes };

struct MapType {
    uint32_t type;     // BPF_MAP_TYPE_*
    const char* name;  // without the prefix, lower case, as bpftool prints it
    // Sizes and flags: EINVAL, E2BIG, ENOTSUPP.  Apart from create, because Linux looks at name and BTF only after it.
    Result<void> (*check)(const MapSpec&, const MapEnvironment&);
    // Makes the map of a checked spec.  ENOMEM.
    Result<Ref<Map>> (*create)(MapSpec, MapEnvironment&);
    MapBtf btf;
    uint32_t implied_flags;  // that every map of the type has, asked for or not
    const char* partly;      // what is missing, for docs/support.md; null: complete
    MapInner inner = MapInner::no;
};

// Null: a type that graft does not have (EINVAL, as for a type that does not exist).
[[nodiscard]] const MapType* find_map_type(uint32_t type);
[[nodiscard]] std::span<const MapType> map_types();

}  // namespace graft
