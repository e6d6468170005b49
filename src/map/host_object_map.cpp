#include "map/host_object_map.h"

#include "map/array.h"
#include "map/map_flags.h"

namespace graft {
namespace {

constexpr uint32_t socket_map_flags = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;

bool holds_sockets(uint32_t value_size) { return value_size == sizeof(uint32_t) || value_size == sizeof(uint64_t); }

Result<void> check_flags(const MapSpec& spec, uint32_t known) {
    if ((spec.flags & ~known) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    return {};
}

}  // namespace

Result<void> HostObjectMap::check_sockets_by_index(const MapSpec& spec, const MapEnvironment&) {
    const bool value_ok = spec.type == BPF_MAP_TYPE_XSKMAP ? spec.value_size == 4 : holds_sockets(spec.value_size);
    if (spec.max_entries == 0 || spec.key_size != 4 || !value_ok) return fail(EINVAL, "a map of sockets has an index and a descriptor");
    return check_flags(spec, socket_map_flags);
}

Result<void> HostObjectMap::check_sockets_by_key(const MapSpec& spec, const MapEnvironment&) {
    if (spec.max_entries == 0 || spec.key_size == 0 || !holds_sockets(spec.value_size)) {
        return fail(EINVAL, "a hash of sockets has a key and a descriptor");
    }
    TRY(check_flags(spec, socket_map_flags));
    if (spec.key_size > abi::max_stack) return fail(E2BIG, "a key has at most 512 bytes");
    return {};
}

Result<void> HostObjectMap::check_reuseport(const MapSpec& spec, const MapEnvironment&) {
    if (!holds_sockets(spec.value_size)) return fail(EINVAL, "the value is a descriptor or a cookie");
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags);
}

Result<void> HostObjectMap::check_cgroups(const MapSpec& spec, const MapEnvironment&) {
    if (spec.value_size != 4) return fail(EINVAL, "the value is a descriptor of 4 bytes");
    if ((spec.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) != 0) return fail(EINVAL, "programs do not access the values");
    return check_array(spec, BPF_F_NUMA_NODE | map_access_flags);
}

Result<void> HostObjectMap::check_stacks(const MapSpec& spec, const MapEnvironment&) {
    constexpr uint32_t most_frames = 127;  // kernel.perf_event_max_stack
    TRY(check_flags(spec, BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_STACK_BUILD_ID));
    const uint32_t frame = (spec.flags & BPF_F_STACK_BUILD_ID) != 0 ? sizeof(bpf_stack_build_id) : sizeof(uint64_t);
    if (spec.max_entries == 0 || spec.key_size != 4 || spec.value_size < 8) return fail(EINVAL, "a stack has an id and frames");
    if (spec.value_size % frame != 0 || spec.value_size / frame > most_frames)
        return fail(EINVAL, "the value is not 1 to 127 whole frames");
    return {};
}

Result<void> HostObjectMap::check_storage(const MapSpec& spec, const MapEnvironment&) {
    constexpr uint32_t largest_value = 65535 - 72;
    if ((spec.flags & BPF_F_NO_PREALLOC) == 0) return fail(EINVAL, "a local storage is made with BPF_F_NO_PREALLOC");
    TRY(check_flags(spec, BPF_F_NO_PREALLOC | BPF_F_CLONE));
    if (spec.max_entries != 0 || spec.key_size != 4 || spec.value_size == 0) return fail(EINVAL, "a local storage has a descriptor as key");
    if (spec.btf_key_type_id == 0 || spec.btf_value_type_id == 0) return fail(EINVAL, "a local storage has BTF");
    if (spec.value_size > largest_value) return fail(E2BIG, "the value is too large");
    return {};
}

Result<Ref<Map>> HostObjectMap::create(MapSpec spec, MapEnvironment& environment) {
    return Ref<Map>(Ref<HostObjectMap>::adopt(new HostObjectMap(std::move(spec), environment)));
}

}  // namespace graft
