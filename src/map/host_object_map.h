// Maps whose elements are objects of a kernel that graft is not: sockets, cgroups, tasks, inodes, stacks.
//
// Programs that use them are verified as on Linux, and find nothing in them; a client's update is refused with EOPNOTSUPP.
#pragma once

#include "map/map_types.h"

namespace graft {

class HostObjectMap final : public Map {
public:
    static Result<void> check_sockets_by_index(const MapSpec& spec, const MapEnvironment& environment);  // SOCKMAP, XSKMAP
    static Result<void> check_sockets_by_key(const MapSpec& spec, const MapEnvironment& environment);    // SOCKHASH
    static Result<void> check_reuseport(const MapSpec& spec, const MapEnvironment& environment);
    static Result<void> check_cgroups(const MapSpec& spec, const MapEnvironment& environment);
    static Result<void> check_stacks(const MapSpec& spec, const MapEnvironment& environment);
    static Result<void> check_storage(const MapSpec& spec, const MapEnvironment& environment);  // of sockets, tasks, inodes, cgroups
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EOPNOTSUPP; }
    long delete_element(const void*) override { return -ENOENT; }
    long push_element(const void*, uint64_t) override { return -EOPNOTSUPP; }

    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return fail(ENOENT, "there is no such element"); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override {
        return fail(EOPNOTSUPP, "graft has no sockets, cgroups, tasks, inodes or kernel stacks");
    }
    Result<void> erase(Bytes) override { return fail(ENOENT, "there is no such element"); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return fail(ENOENT, "the map is empty"); }
    [[nodiscard]] uint64_t memory() const override { return 0; }

private:
    HostObjectMap(MapSpec spec, MapEnvironment& environment) : Map(std::move(spec), environment.ids) {}
};

}  // namespace graft
