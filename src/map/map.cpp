#include "map/map.h"

#include <utility>

namespace graft {

Map::Map(MapSpec spec, IdTable<Map>& ids) : Object(ObjectKind::map), spec_(std::move(spec)), ids_(ids), id_(ids.add(this)) {}

Map::~Map() { ids_.remove(id_); }

Result<void> Map::lookup_and_delete(Bytes, MutableBytes, uint64_t) {
    return fail(abi::enotsupp, "this map type has no lookup-and-delete");
}

Result<void*> Map::direct_value(uint32_t) { return fail(abi::enotsupp, "this map type has no directly addressable value"); }

Result<void> Map::freeze() {
    if (frozen_.exchange(true, std::memory_order_acq_rel)) return fail(EBUSY, "the map is frozen already");
    return {};
}

}  // namespace graft
