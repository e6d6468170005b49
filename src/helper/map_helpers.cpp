// Helpers on maps, and bpf_tail_call, which the engines do themselves.
#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/map.h"

namespace graft {
namespace {

Map& map_at(uint64_t address) { return *reinterpret_cast<Map*>(address); }
template <class T>
const T* pointer(uint64_t address) {
    return reinterpret_cast<const T*>(address);
}

uint64_t lookup(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t) {
    return reinterpret_cast<uint64_t>(map_at(map).lookup_element(pointer<void>(key), current_run()->cpu));
}

uint64_t update(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t) {
    return static_cast<uint64_t>(map_at(map).update_element(pointer<void>(key), pointer<void>(value), flags, current_run()->cpu));
}

uint64_t erase(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t) {
    return static_cast<uint64_t>(map_at(map).delete_element(pointer<void>(key)));
}

uint64_t lookup_percpu(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t) {
    return reinterpret_cast<uint64_t>(map_at(map).lookup_percpu_element(pointer<void>(key), static_cast<uint32_t>(cpu)));
}

constexpr Helper rows[] = {
    {.id = BPF_FUNC_map_lookup_elem,
     .name = "bpf_map_lookup_elem",
     .function = lookup,
     .ret = Ret::map_value_or_null,
     .args = {Arg::const_map_ptr, Arg::map_key},
     .packet_access = true},
    {.id = BPF_FUNC_map_update_elem,
     .name = "bpf_map_update_elem",
     .function = update,
     .args = {Arg::const_map_ptr, Arg::map_key, Arg::map_value, Arg::anything},
     .packet_access = true},
    {.id = BPF_FUNC_map_delete_elem,
     .name = "bpf_map_delete_elem",
     .function = erase,
     .args = {Arg::const_map_ptr, Arg::map_key},
     .packet_access = true},
    {.id = BPF_FUNC_tail_call, .name = "bpf_tail_call", .ret = Ret::nothing, .args = {Arg::ctx, Arg::const_map_ptr, Arg::anything}},
    {.id = BPF_FUNC_map_lookup_percpu_elem,
     .name = "bpf_map_lookup_percpu_elem",
     .function = lookup_percpu,
     .ret = Ret::map_value_or_null,
     .args = {Arg::const_map_ptr, Arg::map_key, Arg::anything},
     .packet_access = true},
};

}  // namespace

std::span<const Helper> map_helpers() { return rows; }

}  // namespace graft
