#include "map/map.h"

#include <utility>

namespace graft {

Map::Map(MapSpec spec, IdTable<Map>& ids) : Object(ObjectKind::map), spec_(std::move(spec)), ids_(ids), id_(ids.add(this)) {}

Map::~Map() { ids_.remove(id_); }

Result<void> Map::lookup_and_delete(Bytes, MutableBytes, uint64_t) { return fail(abi::enotsupp, "this map type has no lookup-and-delete"); }

Result<Map::Walked> Map::walk(uint32_t, uint32_t, MutableBytes, MutableBytes, WalkMode, uint64_t) {
    return fail(abi::enotsupp, "this map type has no walk by cursor");
}

Result<void*> Map::direct_value(uint32_t) { return fail(abi::enotsupp, "this map type has no directly addressable value"); }

Result<void> Map::freeze() {
    if (!spec_.fields.empty()) return fail(abi::enotsupp, "the value has special fields");
    const std::lock_guard guard(freeze_lock_);
    if (writes_under_way_.load(std::memory_order_seq_cst) != 0) return fail(EBUSY, "the map is being written");
    if (frozen()) return fail(EBUSY, "the map is frozen already");
    TRY(seal());
    frozen_.store(true, std::memory_order_seq_cst);
    return {};
}

}  // namespace graft
