// Arrays: BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY.
//
// All elements exist from the start, zeroed; none can be deleted.  Values lie at a stride of value_size rounded up to 8.  With
// BPF_F_MMAPABLE the memory is the memfd that clients map.
#pragma once

#include "map/indexed_map.h"
#include "map/map_types.h"
#include "map/memory.h"

namespace graft {

class ArrayMap final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) override;
    long for_each_element(const ElementVisit& visit, uint32_t cpu) override { return for_each_index(visit, cpu); }
    long delete_element(const void* key) override;
    [[nodiscard]] std::optional<ElementArray> element_array() const override;

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] BatchKind batch_kind() const override { return BatchKind::by_key; }
    Result<void*> direct_value(uint32_t offset) override;
    // Programs have the bound built in, unless BPF_F_INNER_MAP says not to.
    [[nodiscard]] bool same_shape(const MapSpec& other) const override {
        return Map::same_shape(other) && ((other.flags & BPF_F_INNER_MAP) != 0 || spec().max_entries == other.max_entries);
    }
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }
    [[nodiscard]] int backing_fd() const override { return memory_.fd(); }

protected:
    Result<void> seal(Caller& caller) override;

private:
    ArrayMap(MapSpec spec, MapEnvironment& environment, Memory memory);
    Memory memory_;
};

class PercpuArrayMap final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) override;
    long for_each_element(const ElementVisit& visit, uint32_t cpu) override { return for_each_index(visit, cpu); }
    long delete_element(const void* key) override;
    void* lookup_percpu_element(const void* key, uint32_t cpu) override { return lookup_element(key, cpu); }
    [[nodiscard]] std::optional<ElementArray> element_array() const override;

    [[nodiscard]] uint32_t user_value_size() const override { return value_stride() * cpus_; }
    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] BatchKind batch_kind() const override { return BatchKind::by_key; }
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }

private:
    PercpuArrayMap(MapSpec spec, MapEnvironment& environment, Memory memory);
    [[nodiscard]] std::byte* element(uint32_t index, uint32_t cpu) const {
        return memory_.get() + cpu * cpu_stride_ + static_cast<uint64_t>(index) * value_stride();
    }
    // What an update must satisfy: 0 or -errno.
    [[nodiscard]] long check_update(uint32_t index, uint64_t flags) const;

    uint32_t cpus_;
    uint64_t cpu_stride_;  // bytes from one CPU's values to the next one's
    Memory memory_;
};

// The rules of both, and of the arrays of descriptors.
[[nodiscard]] Result<void> check_array(const MapSpec& spec, uint32_t allowed_flags);

}  // namespace graft
