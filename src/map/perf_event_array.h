// BPF_MAP_TYPE_PERF_EVENT_ARRAY: through which programs reach the perf rings of clients, one for each CPU.
//
// Clients put the descriptors of perf events in and cannot read them back; programs name an index to bpf_perf_event_output and its like.
#pragma once

#include "map/indexed_map.h"
#include "map/map_types.h"
#include "map/perf_ring.h"
#include "map/pointer_array.h"

namespace graft {

class PerfEventArrayMap final : public IndexedMap {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);
    ~PerfEventArrayMap() override;

    // Programs': one record into the ring at the index, which must be that of `cpu`.  0, or -errno: E2BIG (no such index), ENOENT (nothing
    // there), EOPNOTSUPP (another CPU's), those of PerfRing::output().
    long output(uint32_t index, uint32_t cpu, std::span<const Bytes> parts);

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    [[nodiscard]] uint64_t memory() const override { return slots_.memory(); }

protected:
    // unlike Linux: the rings go with the map's last descriptor, not with the one through which each came.
    void users_gone() override;

private:
    PerfEventArrayMap(MapSpec spec, MapEnvironment& environment, PointerArray<PerfRing> slots);
    // Puts `ring` (a reference that the slot owns, or null) in; false: the slot was empty.
    bool exchange(uint32_t index, PerfRing* ring);
    void clear();

    PointerArray<PerfRing> slots_;
};

}  // namespace graft
