// BPF_MAP_TYPE_ARRAY_OF_MAPS and HASH_OF_MAPS: maps whose values are maps of one shape, which a client may exchange while programs run.
//
// Clients put descriptors in and read ids; a program's lookup gives the inner map.  Programs were verified with a template, which every
// inner map must resemble.  Thread safety: changes take a lock; an inner map outlives its last reference by a grace period.
#pragma once

#include <mutex>

#include "map/indexed_map.h"
#include "map/map_types.h"
#include "map/pointer_array.h"

namespace graft {

// What the verifier knows of inner maps: a map that has a spec and nothing else.
class MapTemplate final : public Map {
public:
    MapTemplate(MapSpec spec, IdTable<Map>& ids) : Map(std::move(spec), ids) {}

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }
    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return no_map(); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return no_map(); }
    Result<void> erase(Bytes) override { return no_map(); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return no_map(); }
    [[nodiscard]] uint64_t memory() const override { return 0; }

private:
    static Error no_map() { return fail(EINVAL, "a template has no elements"); }
};

// The template that inner_map_fd gives.  EINVAL: it is a map in maps itself; ENOTSUPP: its type cannot be inside.
Result<Ref<Object>> make_inner_template(const Map& example, IdTable<Map>& ids);

class ArrayOfMaps final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~ArrayOfMaps() override;

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] BatchKind batch_kind() const override { return BatchKind::by_key; }
    [[nodiscard]] uint64_t memory() const override { return slots_.memory(); }

private:
    ArrayOfMaps(MapSpec spec, MapEnvironment& environment, PointerArray<Map> slots)
        : IndexedMap(std::move(spec), environment.ids), slots_(std::move(slots)) {}

    PointerArray<Map> slots_;  // each with a reference
};

class HashOfMaps final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~HashOfMaps() override;

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override { return pointers_->next_key(key, next); }
    [[nodiscard]] uint64_t memory() const override { return pointers_->memory(); }

private:
    HashOfMaps(MapSpec spec, MapEnvironment& environment, Ref<Map> pointers)
        : Map(std::move(spec), environment.ids), pointers_(std::move(pointers)) {}
    [[nodiscard]] Map* inner(const void* key) const;

    Ref<Map> pointers_;  // a hash of pointers, each with a reference
    std::mutex change_lock_;
};

}  // namespace graft
