// BPF_MAP_TYPE_QUEUE and STACK: values without keys; a program or a client pushes, peeks and pops.
//
// Thread safety: a spin lock around each operation, as values are copied in and out.
#pragma once

#include "map/map_types.h"
#include "map/memory.h"
#include "map/spin_lock.h"

namespace graft {

class QueueStackMap final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    long push_element(const void* value, uint64_t flags) override;
    long pop_element(void* value) override { return take(value, Take::remove); }
    long peek_element(void* value) override { return take(value, Take::keep); }

    // There are no keys.
    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override;
    Result<void> lookup_and_delete(Bytes key, MutableBytes value, uint64_t flags) override;
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }

private:
    QueueStackMap(MapSpec spec, MapEnvironment& environment, Memory memory)
        : Map(std::move(spec), environment.ids), memory_(std::move(memory)) {}
    enum class Take { keep, remove };
    long take(void* value, Take mode);
    [[nodiscard]] std::byte* place(uint64_t index) const { return memory_.get() + index * spec().value_size; }

    Memory memory_;  // max_entries values
    SpinLock lock_;
    uint32_t oldest_ = 0;  // the index of the oldest value
    uint32_t count_ = 0;
};

}  // namespace graft
