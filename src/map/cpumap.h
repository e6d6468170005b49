// BPF_MAP_TYPE_CPUMAP: CPUs to hand a frame over to, each with a program that runs there before the network stack gets the frame.
//
// "unlike Linux": graft has one packet thread and the host's stack chooses its own CPU; the entry's program runs at once and the frame goes
// up where it arrived.  Thread safety: entries are immutable and published under RCU.
#pragma once

#include <memory>

#include "map/indexed_map.h"
#include "map/map_types.h"
#include "map/pointer_array.h"
#include "map/prog_array.h"

namespace graft {

struct CpumapEntry {
    bpf_cpumap_val value{};   // what clients read: the queue's size and the program's id
    Ref<TailCallee> program;  // null: none
};

class CpumapMap final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~CpumapMap() override;

    // Inside an rcu::ReadGuard.  Null: no such entry.
    [[nodiscard]] const CpumapEntry* entry(uint32_t cpu) const { return in_range(cpu) ? slots_.load(cpu) : nullptr; }
    Result<void> admit_user(const TailCallee::Kind& kind) override { return agree(kind); }

    // Programs only redirect to it.
    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] uint64_t memory() const override { return slots_.memory(); }

private:
    CpumapMap(MapSpec spec, MapEnvironment& environment, PointerArray<CpumapEntry> slots)
        : IndexedMap(std::move(spec), environment.ids), slots_(std::move(slots)), cpus_(environment.possible_cpus) {}
    // As Linux: here the attach type does not count.
    Result<void> agree(TailCallee::Kind kind) {
        kind.expected_attach_type = 0;
        return kind_.agree(kind);
    }
    Result<Ref<TailCallee>> program_of(Caller& caller, int fd);
    void put(uint32_t index, std::unique_ptr<CpumapEntry> entry);

    PointerArray<CpumapEntry> slots_;
    uint32_t cpus_;
    SharedKind kind_;
};

}  // namespace graft
