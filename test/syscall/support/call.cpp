#include "support/call.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace test {

void Fd::reset() {
    if (value_ >= 0) close(value_);
    value_ = -1;
}

long Attr::call(int command, uint32_t size) {
    long result = syscall(__NR_bpf, command, bytes_.data(), size);
    return result < 0 ? -errno : result;
}

long map_create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags) {
    Attr attr;
    attr->map_type = type;
    attr->key_size = key_size;
    attr->value_size = value_size;
    attr->max_entries = max_entries;
    attr->map_flags = flags;
    return attr.call(BPF_MAP_CREATE);
}

namespace {

long element(int command, const Fd& map, const void* key, const void* value, uint64_t flags) {
    Attr attr;
    attr->map_fd = map.u();
    attr->key = pointer(key);
    attr->value = pointer(value);
    attr->flags = flags;
    return attr.call(command);
}

}  // namespace

long map_lookup(const Fd& map, const void* key, void* value, uint64_t flags) {
    return element(BPF_MAP_LOOKUP_ELEM, map, key, value, flags);
}
long map_update(const Fd& map, const void* key, const void* value, uint64_t flags) {
    return element(BPF_MAP_UPDATE_ELEM, map, key, value, flags);
}
long map_delete(const Fd& map, const void* key) { return element(BPF_MAP_DELETE_ELEM, map, key, nullptr, 0); }
long map_next_key(const Fd& map, const void* key, void* next) { return element(BPF_MAP_GET_NEXT_KEY, map, key, next, 0); }
long map_lookup_and_delete(const Fd& map, const void* key, void* value, uint64_t flags) {
    return element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, map, key, value, flags);
}
long map_freeze(const Fd& map) {
    Attr attr;
    attr->map_fd = map.u();
    return attr.call(BPF_MAP_FREEZE);
}

std::string name_of(long result) {
    if (result >= 0) return std::to_string(result);
    if (result == -enotsupp) return "-ENOTSUPP";
    const char* name = strerrorname_np(static_cast<int>(-result));
    return name ? std::string("-") + name : std::to_string(result);
}

}  // namespace test
