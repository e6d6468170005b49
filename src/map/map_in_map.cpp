#include "map/map_in_map.h"

#include <cstring>
#include <vector>

#include "base/rcu.h"
#include "map/array.h"
#include "map/hash.h"
#include "map/map_flags.h"

namespace graft {
namespace {

// The map that a client's value names, as a reference.
Result<Ref<Map>> inner_map_of(Caller& caller, Bytes value, const Map* example) {
    int fd;
    std::memcpy(&fd, value.data(), sizeof fd);
    DescriptorRef found = TRY(caller.descriptor(fd));
    if (found.object->object_kind() != ObjectKind::map) return fail(EINVAL, "the value's descriptor is not of a map");
    Ref<Map> map = static_ref_cast<Map>(std::move(found.object));
    if (!map->same_shape(example->spec())) return fail(EINVAL, "the map does not have the shape that inner maps of this one have");
    return map;
}

Result<void> copy_id(const Map* map, MutableBytes value) {
    if (map == nullptr) return fail(ENOENT, "there is no map");
    const uint32_t id = map->id();
    std::memcpy(value.data(), &id, sizeof id);
    return {};
}

Result<void> check_values(const MapSpec& spec) {
    if (spec.value_size != sizeof(uint32_t)) return fail(EINVAL, "the value of a map in maps is a descriptor of 4 bytes");
    return {};
}

}  // namespace

Result<Ref<Object>> make_inner_template(const Map& example, IdTable<Map>& ids) {
    if (example.inner_template() != nullptr) return fail(EINVAL, "a map in maps cannot be inside another");
    if (!example.may_be_inner()) return fail(abi::enotsupp, "maps of this type cannot be inside another");
    MapSpec spec = example.spec();
    spec.name.clear();  // the log tells it from the example
    return Ref<Object>(make_ref<MapTemplate>(std::move(spec), ids));
}

// --- array -------------------------------------------------------------------------------------------------------------------------------

Result<void> ArrayOfMaps::check(const MapSpec& spec, const MapEnvironment&) {
    TRY(check_values(spec));
    if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != 0) return fail(EINVAL, "programs do not access the values");
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags);
}

Result<Ref<Map>> ArrayOfMaps::create(MapSpec spec, MapEnvironment& environment) {
    auto slots = TRY(PointerArray<Map>::create(spec.max_entries));
    return Ref<Map>(Ref<ArrayOfMaps>::adopt(new ArrayOfMaps(std::move(spec), environment, std::move(slots))));
}

ArrayOfMaps::~ArrayOfMaps() {
    slots_.for_each([this](uint64_t index) { slots_.load(index)->drop_ref(); });
}

void* ArrayOfMaps::lookup_element(const void* key, uint32_t) {
    const uint32_t index = index_of(key);
    return in_range(index) ? slots_.load(index) : nullptr;
}

Result<void> ArrayOfMaps::lookup(Bytes key, MutableBytes value, uint64_t) {
    const rcu::ReadGuard reading;
    return copy_id(static_cast<const Map*>(lookup_element(key.data(), 0)), value);
}

Result<void> ArrayOfMaps::update(Caller& caller, Bytes key, Bytes value, uint64_t flags) {
    const uint32_t index = index_of(key.data());
    if (flags != BPF_ANY) return fail(EINVAL, "an array of maps takes no update flags");
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    Ref<Map> map = TRY(inner_map_of(caller, value, inner_template()));
    if (Map* old = slots_.exchange(index, map.release())) old->drop_ref();
    return {};
}

Result<void> ArrayOfMaps::erase(Bytes key) {
    const uint32_t index = index_of(key.data());
    if (!in_range(index)) return fail(E2BIG, "the index is not below max_entries");
    Map* const old = slots_.exchange(index, nullptr);
    if (old == nullptr) return fail(ENOENT, "there is no map at that index");
    old->drop_ref();
    return {};
}

// --- hash --------------------------------------------------------------------------------------------------------------------------------

Result<void> HashOfMaps::check(const MapSpec& spec, const MapEnvironment& environment) {
    TRY(check_values(spec));
    MapSpec pointers = spec;
    pointers.type = BPF_MAP_TYPE_HASH;
    return HashMap::check(pointers, environment);
}

Result<Ref<Map>> HashOfMaps::create(MapSpec spec, MapEnvironment& environment) {
    MapSpec pointers = spec;
    pointers.type = BPF_MAP_TYPE_HASH;
    pointers.value_size = sizeof(Map*);
    pointers.btf = nullptr;
    pointers.inner = nullptr;
    return Ref<Map>(
        Ref<HashOfMaps>::adopt(new HashOfMaps(std::move(spec), environment, TRY(HashMap::create(std::move(pointers), environment)))));
}

HashOfMaps::~HashOfMaps() {
    std::vector<std::byte> key(spec().key_size);
    while (pointers_->next_key(std::nullopt, key).ok()) {
        if (Map* map = inner(key.data())) map->drop_ref();
        if (pointers_->delete_element(key.data()) != 0) return;
    }
}

Map* HashOfMaps::inner(const void* key) const {
    const void* const place = pointers_->lookup_element(key, 0);
    return place == nullptr ? nullptr : __atomic_load_n(static_cast<Map* const*>(place), __ATOMIC_ACQUIRE);
}

void* HashOfMaps::lookup_element(const void* key, uint32_t) { return inner(key); }

Result<void> HashOfMaps::lookup(Bytes key, MutableBytes value, uint64_t) {
    const rcu::ReadGuard reading;
    return copy_id(inner(key.data()), value);
}

Result<void> HashOfMaps::update(Caller& caller, Bytes key, Bytes value, uint64_t flags) {
    Ref<Map> map = TRY(inner_map_of(caller, value, inner_template()));
    const std::lock_guard guard(change_lock_);
    const rcu::ReadGuard reading;
    Map* const old = inner(key.data());
    Map* const pointer = map.get();
    TRY(as_result(pointers_->update_element(key.data(), &pointer, flags, 0)));
    (void)map.release();  // the table has it
    if (old != nullptr) old->drop_ref();
    return {};
}

Result<void> HashOfMaps::erase(Bytes key) {
    const std::lock_guard guard(change_lock_);
    const rcu::ReadGuard reading;
    Map* const old = inner(key.data());
    TRY(as_result(pointers_->delete_element(key.data())));
    old->drop_ref();
    return {};
}

}  // namespace graft
