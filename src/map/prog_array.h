// BPF_MAP_TYPE_PROG_ARRAY: what bpf_tail_call jumps through.
//
// All programs of an array, and all that tail-call through it, are of one kind; the first that comes fixes it for good.  A program in an
// array cannot be extended, and an extended one cannot enter (EBUSY).  Clients put descriptors in and read ids.
#pragma once

#include <mutex>

#include "map/indexed_map.h"
#include "map/map_types.h"
#include "map/pointer_array.h"
#include "map/tail_callee.h"

namespace graft {

// The kind that a map's programs share.
class SharedKind {
public:
    // EINVAL: another kind was first.
    Result<void> agree(const TailCallee::Kind& kind);

private:
    std::mutex lock_;
    std::optional<TailCallee::Kind> kind_;
};

class ProgArrayMap final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~ProgArrayMap() override;

    Result<void> admit_user(const TailCallee::Kind& kind) override { return kind_.agree(kind); }
    [[nodiscard]] const TailCallee* tail_callee(uint32_t index) const override;

    [[nodiscard]] bool may_be_inner() const override { return false; }
    // Programs cannot look into it.
    void* lookup_element(const void* key, uint32_t cpu) override;
    long update_element(const void* key, const void* value, uint64_t flags, uint32_t cpu) override;
    long delete_element(const void* key) override;

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] uint64_t memory() const override { return slots_.memory(); }

protected:
    void users_gone() override {
        lost_users_.store(true, std::memory_order_seq_cst);
        clear();
    }

private:
    ProgArrayMap(MapSpec spec, MapEnvironment& environment, PointerArray<TailCallee> slots);
    // Puts `program` (a reference that the slot owns, or null) in; false: the slot was empty.
    bool exchange(uint32_t index, TailCallee* program);
    void clear();

    PointerArray<TailCallee> slots_;
    SharedKind kind_;
    std::atomic<bool> lost_users_{false};  // at least once
};

}  // namespace graft
