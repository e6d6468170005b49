// BPF_MAP_DELETE_ELEM.

#include "syscall/map_access.h"

namespace graft::command {

Result<Reply> map_delete_elem(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->map_fd));
    Map& map = *access.map;
    const Map::WriteUnderWay writing(map);
    TRY(require_writable(access));
    Buffer buffer;
    TRY(map.erase(TRY(read_key(caller, map, attr->key, buffer))));
    return Reply(0);
}

}  // namespace graft::command
