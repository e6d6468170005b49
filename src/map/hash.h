// Hash maps: BPF_MAP_TYPE_HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH.
//
// An update of an existing key puts a new element in the old one's place, so a program that holds the old value goes on with it until its
// RCU read section ends; values of up to 8 bytes, which no reader can see half written, are stored in place, as are those of per-CPU maps.
// An LRU map that is full drops an element that was not looked up since the last sweep ("unlike Linux": one clock over all buckets, no
// lists; also with BPF_F_NO_COMMON_LRU).
#pragma once

#include <memory>

#include "map/hash_table.h"
#include "map/map_types.h"

namespace graft {

class HashMap : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) override;
    long for_each_element(const ElementVisit& visit, uint32_t cpu) override;
    long delete_element(const void* key) override;
    void* lookup_percpu_element(const void* key, uint32_t cpu) override {
        return percpu_ && cpu < cpus_ ? lookup_element(key, cpu) : nullptr;
    }

    [[nodiscard]] uint32_t user_value_size() const override { return percpu_ ? value_stride() * cpus_ : spec().value_size; }
    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override;
    Result<void> lookup_and_delete(Bytes key, MutableBytes value, uint64_t flags) override;
    [[nodiscard]] BatchKind batch_kind() const override { return BatchKind::by_cursor; }
    Result<Walked> walk(uint32_t cursor, uint32_t limit, MutableBytes keys, MutableBytes values, WalkMode mode, uint64_t flags) override;
    [[nodiscard]] uint64_t memory() const override { return table_->memory() + pool_->memory(); }

protected:
    HashMap(MapSpec spec, MapEnvironment& environment, std::unique_ptr<HashTable> table, Ref<ElementPool> pool);

    [[nodiscard]] void* value_of(Element* element, uint32_t cpu) const {
        std::byte* const place = reinterpret_cast<std::byte*>(element) + value_offset_;
        if (!percpu_) return place;
        std::byte* values;
        std::memcpy(&values, place, sizeof values);
        return values + cpu * cpu_stride_;
    }
    // What a program's lookup of an element does and returns.
    [[nodiscard]] void* looked_up(Element* element, uint32_t cpu) const {
        if (element == nullptr) return nullptr;
        if (lru_ && element->referenced.load(std::memory_order_relaxed) == 0) element->referenced.store(1, std::memory_order_relaxed);
        return value_of(element, cpu);
    }
    [[nodiscard]] const HashTable& table() const { return *table_; }

private:
    // Where an update's values come from: a program sets that of its CPU, a client those of all.
    struct Source {
        const std::byte* bytes;
        std::optional<uint32_t> cpu;
    };
    long put(const void* key, const Source& source, uint64_t flags);
    long put_locked(HashTable::Locked& bucket, const void* key, uint64_t hash, const Source& source, uint64_t flags);
    long insert(HashTable::Locked& bucket, const void* key, uint64_t hash, const Source& source);
    long replace(HashTable::Locked& bucket, Element* old, uint64_t hash, const Source& source);
    void fill(Element* element, const Source& source, bool fresh) const;
    void copy_out(Element* element, std::byte* to, uint64_t flags) const;
    // Takes one element out of a full LRU map; `own` is locked by the caller.  False: everything was busy.
    bool evict(HashTable::Locked& own, uint32_t own_bucket);
    void drop(HashTable::Locked& bucket, Element* element, uint32_t hint);
    [[nodiscard]] bool stored_in_place() const { return percpu_ || (spec().value_size <= 8 && spec().fields.empty()); }

    bool percpu_;
    bool lru_;
    uint32_t cpus_;
    uint32_t value_offset_;
    size_t cpu_stride_;
    uint32_t position_bits_;  // of a batch token
    std::unique_ptr<HashTable> table_;
    Ref<ElementPool> pool_;
    std::atomic<uint32_t> count_{0};
    std::atomic<uint32_t> hand_{0};  // LRU: the bucket that the sweep is at
};

}  // namespace graft
