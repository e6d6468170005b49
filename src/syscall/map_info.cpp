// bpf_map_info: what a map was made with, its id and its BTF.

#include "syscall/info.h"

namespace graft {

Result<void> map_info(Caller& caller, const Attr& attr, const Map& map) {
    TRY(require_zero_tail(caller, attr->info.info, sizeof(bpf_map_info), attr->info.info_len));
    const MapSpec& spec = map.spec();
    bpf_map_info info = zeroed<bpf_map_info>();
    info.type = spec.type;
    info.id = map.id();
    info.key_size = spec.key_size;
    info.value_size = spec.value_size;
    info.max_entries = spec.max_entries;
    info.map_flags = spec.flags;
    info.map_extra = spec.extra;
    std::copy(spec.name.begin(), spec.name.end(), info.name);
    if (spec.btf) {
        info.btf_id = static_cast<const Btf&>(*spec.btf).id();
        info.btf_key_type_id = spec.btf_key_type_id;
        info.btf_value_type_id = spec.btf_value_type_id;
    }
    info.btf_vmlinux_value_type_id = spec.vmlinux_value_type_id;
    return write_info(caller, attr, info);
}

}  // namespace graft
