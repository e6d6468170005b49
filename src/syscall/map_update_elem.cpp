// BPF_MAP_UPDATE_ELEM.  Which flags a map takes is its type's matter.

#include "syscall/map_access.h"

namespace graft::command {

Result<Reply> map_update_elem(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->map_fd));
    Map& map = *access.map;
    const Map::WriteUnderWay writing(map);
    TRY(require_writable(access));
    TRY(require_lock_for(map, attr->flags));
    Buffer key_buffer, value_buffer;
    const Bytes key = TRY(read_key(caller, map, attr->key, key_buffer));
    const Bytes value = TRY(read_bytes(caller, attr->value, map.user_value_size(), value_buffer));
    TRY(map.update(caller, key, value, attr->flags));
    return Reply(0);
}

}  // namespace graft::command
