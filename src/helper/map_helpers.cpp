// Helpers for the elements of maps.  The verifier has checked the map's type, and key and value against its sizes.

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/map.h"

namespace graft {
namespace {

uint64_t lookup_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t) {
    return reinterpret_cast<uint64_t>(pointer_in<Map>(map)->lookup_element(pointer_in<const void>(key), current_run()->cpu));
}

uint64_t update_elem(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t) {
    return answer(
        pointer_in<Map>(map)->update_element(pointer_in<const void>(key), pointer_in<const void>(value), flags, current_run()->cpu));
}

uint64_t delete_elem(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t) {
    return answer(pointer_in<Map>(map)->delete_element(pointer_in<const void>(key)));
}

uint64_t lookup_percpu_elem(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t) {
    void* const value = pointer_in<Map>(map)->lookup_percpu_element(pointer_in<const void>(key), static_cast<uint32_t>(cpu));
    return reinterpret_cast<uint64_t>(value);
}

uint64_t push_elem(uint64_t map, uint64_t value, uint64_t flags, uint64_t, uint64_t) {
    return answer(pointer_in<Map>(map)->push_element(pointer_in<const void>(value), flags));
}
uint64_t pop_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t) {
    return answer(pointer_in<Map>(map)->pop_element(pointer_in<void>(value)));
}
uint64_t peek_elem(uint64_t map, uint64_t value, uint64_t, uint64_t, uint64_t) {
    return answer(pointer_in<Map>(map)->peek_element(pointer_in<void>(value)));
}

uint64_t get_local_storage(uint64_t map, uint64_t, uint64_t, uint64_t, uint64_t) {
    return reinterpret_cast<uint64_t>(pointer_in<Map>(map)->lookup_element(nullptr, current_run()->cpu));
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_map_lookup_elem,
     .name = "bpf_map_lookup_elem",
     .function = lookup_elem,
     .ret = Ret::map_value_or_null,
     .args = {Arg::const_map_ptr, Arg::map_key},
     .packet_access = true},
    {.id = BPF_FUNC_map_update_elem,
     .name = "bpf_map_update_elem",
     .function = update_elem,
     .args = {Arg::const_map_ptr, Arg::map_key, Arg::map_value, Arg::anything},
     .packet_access = true},
    {.id = BPF_FUNC_map_delete_elem,
     .name = "bpf_map_delete_elem",
     .function = delete_elem,
     .args = {Arg::const_map_ptr, Arg::map_key},
     .packet_access = true},
    {.id = BPF_FUNC_map_lookup_percpu_elem,
     .name = "bpf_map_lookup_percpu_elem",
     .function = lookup_percpu_elem,
     .ret = Ret::map_value_or_null,
     .args = {Arg::const_map_ptr, Arg::map_key, Arg::anything},
     .packet_access = true},
    {.id = BPF_FUNC_map_push_elem,
     .name = "bpf_map_push_elem",
     .function = push_elem,
     .args = {Arg::const_map_ptr, Arg::map_value, Arg::anything},
     .packet_access = true},
    {.id = BPF_FUNC_map_pop_elem, .name = "bpf_map_pop_elem", .function = pop_elem, .args = {Arg::const_map_ptr, Arg::uninit_map_value}},
    {.id = BPF_FUNC_map_peek_elem, .name = "bpf_map_peek_elem", .function = peek_elem, .args = {Arg::const_map_ptr, Arg::uninit_map_value}},
    {.id = BPF_FUNC_get_local_storage,
     .name = "bpf_get_local_storage",
     .function = get_local_storage,
     .ret = Ret::map_value,
     .args = {Arg::const_map_ptr, Arg::anything}},
});

}  // namespace

std::span<const Helper> map_helpers() { return rows; }

}  // namespace graft
