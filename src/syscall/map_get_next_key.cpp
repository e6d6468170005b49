// BPF_MAP_GET_NEXT_KEY: without a key, and after a key that is not there, the first; ENOENT after the last.

#include "syscall/map_access.h"

namespace graft::command {

Result<Reply> map_get_next_key(Kernel&, Caller& caller, const Attr& attr) {
    const MapAccess access = TRY(find_map(caller, attr->map_fd));
    Map& map = *access.map;
    TRY(require_readable(access));
    Buffer key_buffer, next_buffer;
    std::optional<Bytes> key;
    if (attr->key != 0) key = TRY(read_bytes(caller, attr->key, map.spec().key_size, key_buffer));
    const MutableBytes next = TRY(next_buffer.resize(map.spec().key_size));
    TRY(map.next_key(key, next));
    TRY(caller.write(attr->next_key, next));
    return Reply(0);
}

}  // namespace graft::command
