// BPF_MAP_LOOKUP_ELEM: copies an element's value to the client; of a per-CPU map one for each possible CPU.

#include "syscall/map_access.h"

namespace graft::command {

Result<Reply> map_lookup_elem(Kernel&, Caller& caller, const Attr& attr) {
    TRY(require_only_lock_flag(attr->flags));
    const MapAccess access = TRY(find_map(caller, attr->map_fd));
    Map& map = *access.map;
    TRY(require_readable(access));
    TRY(require_lock_for(map, attr->flags));
    Buffer key_buffer, value_buffer;
    const Bytes key = TRY(read_key(caller, map, attr->key, key_buffer));
    const MutableBytes value = TRY(value_buffer.resize(map.user_value_size()));
    if (map.lookup_reads_value()) TRY(caller.read(attr->value, value));
    TRY(map.lookup(key, value, attr->flags));
    TRY(caller.write(attr->value, value));
    return Reply(0);
}

}  // namespace graft::command
