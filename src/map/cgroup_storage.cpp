#include "map/cgroup_storage.h"

#include "map/map_flags.h"

namespace graft {

Result<void> CgroupStorageMap::check(const MapSpec& spec, const MapEnvironment&) {
    constexpr uint32_t page = 4096;
    if (spec.key_size != sizeof(bpf_cgroup_storage_key) && spec.key_size != sizeof(uint64_t)) {
        return fail(EINVAL, "the key is a bpf_cgroup_storage_key or a cgroup's id");
    }
    if (spec.value_size == 0) return fail(EINVAL, "value_size is 0");
    if (spec.value_size > page) return fail(E2BIG, "the value is larger than a page");
    if ((spec.flags & ~(BPF_F_NUMA_NODE | map_access_flags)) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    TRY(check_program_access(spec.flags));
    if (spec.max_entries != 0) return fail(EINVAL, "max_entries is not for this type");
    return {};
}

Result<Ref<Map>> CgroupStorageMap::create(MapSpec spec, MapEnvironment& environment) {
    const uint64_t stride = (spec.value_size + 7U) & ~7U;
    Memory memory = TRY(Memory::anonymous(stride * environment.possible_cpus));
    return Ref<Map>(Ref<CgroupStorageMap>::adopt(new CgroupStorageMap(std::move(spec), environment, std::move(memory))));
}

}  // namespace graft
