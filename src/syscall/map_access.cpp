#include "syscall/map_access.h"

#include <new>

namespace graft::command {

Result<MapAccess> find_map(Caller& caller, uint32_t fd) {
    DescriptorRef found = TRY(caller.descriptor(static_cast<int>(fd)));
    if (found.object->object_kind() != ObjectKind::map) return fail(EINVAL, "the descriptor is not of a map");
    MapAccess access;
    access.map = static_ref_cast<Map>(std::move(found.object));
    access.readable = found.readable;
    access.writable = found.writable;
    return access;
}

Result<MutableBytes> Buffer::resize(size_t size) {
    if (size <= sizeof small_) return MutableBytes(small_, size);
    large_.reset(new (std::nothrow) std::byte[size]);
    if (large_ == nullptr) return fail(ENOMEM, "no memory for keys and values");
    return MutableBytes(large_.get(), size);
}

Result<MutableBytes> read_bytes(Caller& caller, uint64_t address, size_t size, Buffer& into) {
    const MutableBytes bytes = TRY(into.resize(size));
    TRY(caller.read(address, bytes));
    return bytes;
}

Result<MutableBytes> read_key(Caller& caller, const Map& map, uint64_t address, Buffer& into) {
    const uint32_t size = map.spec().key_size;
    if (size == 0 && address != 0) return fail(EINVAL, "a key for a map without keys");
    return read_bytes(caller, address, size, into);
}

}  // namespace graft::command
