// BPF_MAP_TYPE_CGROUP_STORAGE and PERCPU_CGROUP_STORAGE: a value that belongs to a program's attachment to a cgroup.
//
// graft has no cgroups, so a program that uses one runs only under BPF_PROG_TEST_RUN, where Linux gives it a value that no cgroup has: it
// is kept here, one for each CPU.  Clients find no element.
#pragma once

#include "map/map_types.h"
#include "map/memory.h"

namespace graft {

class CgroupStorageMap final : public Map {
public:
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    // The value of this run, for bpf_get_local_storage; the key is of no account.
    void* lookup_element(const void*, uint32_t cpu) override { return memory_.get() + uint64_t{cpu} * value_stride(); }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }
    [[nodiscard]] bool may_be_inner() const override { return false; }

    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return none(); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return none(); }
    Result<void> erase(Bytes) override { return fail(EINVAL, "a storage goes with its attachment"); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return none(); }
    [[nodiscard]] uint64_t memory() const override { return memory_.size(); }

private:
    static Error none() { return fail(ENOENT, "no program of this map is attached to a cgroup"); }
    CgroupStorageMap(MapSpec spec, MapEnvironment& environment, Memory memory)
        : Map(std::move(spec), environment.ids), memory_(std::move(memory)) {}
    Memory memory_;
};

}  // namespace graft
