// What the map commands share: the map behind a descriptor, keys and values on their way between client and map.
#pragma once

#include <memory>

#include "map/map.h"
#include "syscall/command.h"

namespace graft::command {

// A map, and what bpf(2) may do with it through the descriptor it was reached by.
struct MapAccess {
    Ref<Map> map;
    bool readable = false;
    bool writable = false;  // a frozen map may not be written all the same
};

// EBADF: not open; EINVAL: no map.
[[nodiscard]] Result<MapAccess> find_map(Caller& caller, uint32_t fd);

[[nodiscard]] inline Result<void> require_readable(const MapAccess& access) {
    if (!access.readable) return fail(EPERM, "the descriptor is write-only");
    return {};
}
// Inside a Map::WriteUnderWay, lest the map is frozen meanwhile.
[[nodiscard]] inline Result<void> require_writable(const MapAccess& access) {
    if (!access.writable) return fail(EPERM, "the descriptor is read-only");
    if (access.map->frozen()) return fail(EPERM, "the map is frozen");
    return {};
}
// BPF_F_LOCK needs a lock in the value.
[[nodiscard]] inline Result<void> require_lock_for(const Map& map, uint64_t flags) {
    if ((flags & BPF_F_LOCK) != 0 && !map.spec().fields.has(FieldKind::spin_lock))
        return fail(EINVAL, "BPF_F_LOCK, but the value has no bpf_spin_lock");
    return {};
}
[[nodiscard]] inline Result<void> require_only_lock_flag(uint64_t flags) {
    if ((flags & ~uint64_t{BPF_F_LOCK}) != 0) return fail(EINVAL, "a flag other than BPF_F_LOCK");
    return {};
}

// Memory for keys and values during a call; small ones take no allocation.
class Buffer {
public:
    // ENOMEM.
    [[nodiscard]] Result<MutableBytes> resize(size_t size);

private:
    alignas(8) std::byte small_[256];
    std::unique_ptr<std::byte[]> large_;
};

// The key or value that lies at the client's `address`.
[[nodiscard]] Result<MutableBytes> read_bytes(Caller& caller, uint64_t address, size_t size, Buffer& into);
// The key of a map that may have none.  EINVAL: one for such a map.
[[nodiscard]] Result<MutableBytes> read_key(Caller& caller, const Map& map, uint64_t address, Buffer& into);

}  // namespace graft::command
