#include "map/struct_ops.h"

#include <algorithm>
#include <cstring>

#include "btf/btf.h"

namespace graft {
namespace {

// After 6.1: BPF_F_LINK, BPF_F_VTYPE_BTF_OBJ_FD.
constexpr uint32_t link_flag = 1U << 13, btf_object_flag = 1U << 15;

uint32_t number_in(Bytes key) {
    uint32_t number;
    std::memcpy(&number, key.data(), sizeof number);
    return number;
}

}  // namespace

Result<void> StructOpsMap::check(const MapSpec& spec, const MapEnvironment& environment) {
    if (spec.key_size != sizeof(uint32_t) || spec.max_entries != 1) return fail(EINVAL, "the map has one value, under a key of 4 bytes");
    if ((spec.flags & ~(link_flag | btf_object_flag)) != 0) return fail(EINVAL, "map_flags has a flag that this type does not know");
    if (spec.vmlinux_value_type_id == 0) return fail(EINVAL, "btf_vmlinux_value_type_id is missing");
    if ((spec.flags & btf_object_flag) != 0) return fail(EINVAL, "value_type_btf_obj_fd is not a module's BTF: there are no modules");
    const auto type = environment.vmlinux == nullptr ? std::nullopt : environment.vmlinux->find_type(spec.vmlinux_value_type_id);
    constexpr std::string_view prefix = "bpf_struct_ops_";
    const bool known = type && type->is(BTF_KIND_STRUCT) && type->name().starts_with(prefix) &&
                       environment.vmlinux->find(type->name().substr(prefix.size()), BTF_KIND_STRUCT).ok();
    if (!known) return fail(abi::enotsupp, "btf_vmlinux_value_type_id is not that of a structure of operations");
    if (spec.value_size != type->size()) return fail(EINVAL, "value_size is not that of the structure");
    return {};
}

Result<Ref<Map>> StructOpsMap::create(MapSpec spec, MapEnvironment& environment) {
    return Ref<Map>(Ref<StructOpsMap>::adopt(new StructOpsMap(std::move(spec), environment)));
}

Result<void> StructOpsMap::lookup(Bytes key, MutableBytes value, uint64_t) {
    if (number_in(key) != 0) return fail(ENOENT, "the only key is 0");
    std::ranges::fill(value, std::byte{0});
    return {};
}

Result<void> StructOpsMap::update(Caller&, Bytes key, Bytes, uint64_t flags) {
    if (flags != 0) return fail(EINVAL, "unknown update flags");
    if (number_in(key) != 0) return fail(E2BIG, "the only key is 0");
    return fail(EOPNOTSUPP, "graft's kernel has no structure of operations that can be registered");
}

Result<void> StructOpsMap::erase(Bytes) { return fail(ENOENT, "nothing is registered"); }

Result<void> StructOpsMap::next_key(std::optional<Bytes> key, MutableBytes next) {
    if (key && number_in(*key) == 0) return fail(ENOENT, "there is one key");
    std::ranges::fill(next, std::byte{0});
    return {};
}

}  // namespace graft
