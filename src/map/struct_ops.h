// BPF_MAP_TYPE_STRUCT_OPS: a structure of the kernel whose functions are programs; an update registers it.
//
// graft's kernel calls none: it knows bpf_dummy_ops, which Linux has for tests and does not register, either (EOPNOTSUPP).
#pragma once

#include "map/map_types.h"

namespace graft {

class StructOpsMap final : public Map {
public:
    // ENOTSUPP: vmlinux_value_type_id is not that of a structure of operations.
    static Result<void> check(const MapSpec& spec, const MapEnvironment& environment);
    static Result<Ref<Map>> create(MapSpec spec, MapEnvironment& environment);

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }
    [[nodiscard]] bool may_be_inner() const override { return false; }

    Result<void> lookup(Bytes key, MutableBytes value, uint64_t flags) override;  // zeros: nothing is registered
    Result<void> update(Caller& caller, Bytes key, Bytes value, uint64_t flags) override;
    Result<void> erase(Bytes key) override;
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) override;
    [[nodiscard]] uint64_t memory() const override { return 0; }

private:
    StructOpsMap(MapSpec spec, MapEnvironment& environment) : Map(std::move(spec), environment.ids) {}
};

}  // namespace graft
