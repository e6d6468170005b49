// BPF_MAP_FREEZE: from now on no bpf(2) call writes the map, whatever the descriptor.

#include "syscall/map_access.h"

namespace graft::command {

Result<Reply> map_freeze(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->map_fd));
    if (!access.map->spec().fields.empty()) return fail(abi::enotsupp, "a map whose value has special fields cannot be frozen");
    TRY(require_writable(access));
    TRY(access.map->freeze(caller));
    return Reply(0);
}

}  // namespace graft::command
