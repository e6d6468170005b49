// BPF_MAP_TYPE_BLOOM_FILTER: "surely not pushed" or "perhaps pushed", and no more.
//
// Thread safety: bits are set and read with atomic operations; nothing is ever cleared.
#pragma once

#include "map/map_types.h"
#include "map/memory.h"

namespace graft {

class BloomFilterMap final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    long push_element(const void* value, uint64_t flags) override;
    long pop_element(void*) override { return -EOPNOTSUPP; }
    long peek_element(void* value) override;  // ENOENT: surely not pushed

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EOPNOTSUPP; }

    // `value` holds what is asked for.
    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    [[nodiscard]] bool lookup_reads_value() const override { return true; }
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override;
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }

private:
    BloomFilterMap(MapSpec spec, MapEnvironment& environment, Memory memory, uint32_t hashes, uint32_t bits);
    // Calls visit(word, bit) for each of a value's bits until it says false.
    template <class Visit>
    bool for_each_bit(const void* value, Visit&& visit) const;

    Memory memory_;
    uint32_t hashes_;
    uint32_t bit_mask_;
    uint64_t seed_;
};

}  // namespace graft
