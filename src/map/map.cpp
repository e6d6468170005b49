#include "map/map.h"

#include <utility>

#include "map/timers.h"

namespace graft {

Map::Map(MapSpec spec, IdTable<Map>& ids) : Object(ObjectKind::map), spec_(std::move(spec)), ids_(ids) {}

Map::~Map() = default;

void Map::register_by_id() { ids_.add(this, id_); }

void Map::keep_timers(Timers& timers) {
    timers_ = std::make_unique<ElementTimers>(timers, *this, *spec_.fields.offset_of(FieldKind::timer));
}

void Map::remove_timer(void* value) const { timers_->remove(value); }

void Map::users_gone() {
    if (timers_) timers_->remove_all();
}

void Map::last_reference_gone() const {
    if (id_ != 0) ids_.remove(id_);
    const_cast<Map&>(*this).spec_.btf = nullptr;  // nobody else has it
    rcu::delete_later(deferral_, this);
}

Result<void> Map::lookup_and_delete(Bytes, MutableBytes, uint64_t) { return fail(abi::enotsupp, "this map type has no lookup-and-delete"); }

bool Map::same_shape(const MapSpec& other) const {
    return spec_.type == other.type && spec_.key_size == other.key_size && spec_.value_size == other.value_size &&
           spec_.flags == other.flags && spec_.fields == other.fields;
}

Result<Map::Walked> Map::walk(uint32_t, uint32_t, MutableBytes, MutableBytes, WalkMode, uint64_t) {
    return fail(abi::enotsupp, "this map type has no walk by cursor");
}

Result<void*> Map::direct_value(uint32_t) { return fail(abi::enotsupp, "this map type has no directly addressable value"); }

Result<void> Map::freeze(Caller& caller) {
    if (!spec_.fields.empty()) return fail(abi::enotsupp, "the value has special fields");
    const std::lock_guard guard(freeze_lock_);
    if (writes_under_way_.load(std::memory_order_seq_cst) != 0) return fail(EBUSY, "the map is being written");
    if (frozen()) return fail(EBUSY, "the map is frozen already");
    TRY(seal(caller));
    frozen_.store(true, std::memory_order_seq_cst);
    return {};
}

}  // namespace graft
