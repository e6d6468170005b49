// Regions of a known size: map values and keys, memory; and packets, whose size a program proves.
#include <cstring>

#include "base/rcu.h"
#include "map/map.h"
#include "verify/call/references.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

constexpr int64_t most_offset = 1 << 29;

// [off, off + size) with fixed offsets only.
Result<void> require_inside(Walk& walk, uint32_t number, int64_t off, uint32_t size, uint64_t limit, bool zero_size_allowed) {
    const bool size_ok = size > 0 || zero_size_allowed;
    if (off >= 0 && size_ok && static_cast<uint64_t>(off) + size <= limit) return {};
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    switch (reg.kind) {
        case Kind::map_key:
            return env.reject(EACCES, "invalid access to map key, key_size={} off={} size={}", limit, off, size);
        case Kind::map_value:
            return env.reject(EACCES, "invalid access to map value, value_size={} off={} size={}", limit, off, size);
        case Kind::packet:
        case Kind::packet_meta:
        case Kind::packet_end:
            return env.reject(EACCES, "invalid access to packet, off={} size={}, R{}(id={},off={},r={})", off, size, number, reg.id, off,
                              static_cast<int64_t>(limit));
        default:
            return env.reject(EACCES, "invalid access to memory, mem_size={} off={} size={}", limit, off, size);
    }
}

// A frozen, read-only array's value is a constant of the program.
bool fold_constant(Reg& target, const Map& map, uint64_t offset, const MemoryAccess& access) {
    if (!map.constant()) return false;
    const Result<void*> address = const_cast<Map&>(map).direct_value(static_cast<uint32_t>(offset));
    if (!address.ok()) return false;
    uint64_t value = 0;
    std::memcpy(&value, address.value(), access.size);
    if (access.sign_extend && access.size < 8) {
        const unsigned shift = 64 - 8 * access.size;
        value = static_cast<uint64_t>(static_cast<int64_t>(value << shift) >> shift);
    }
    set_constant(target, value);
    return true;
}

const char* name_of(FieldKind kind) {
    switch (kind) {
        case FieldKind::spin_lock:
            return "bpf_spin_lock";
        case FieldKind::timer:
            return "bpf_timer";
        case FieldKind::workqueue:
            return "bpf_wq";
        case FieldKind::kptr_unref:
        case FieldKind::kptr_ref:
        case FieldKind::kptr_percpu:
            return "kptr";
        case FieldKind::list_head:
            return "bpf_list_head";
        case FieldKind::list_node:
            return "bpf_list_node";
        case FieldKind::rb_root:
            return "bpf_rb_root";
        case FieldKind::rb_node:
            return "bpf_rb_node";
        case FieldKind::refcount:
            return "bpf_refcount";
    }
    return "";
}

}  // namespace

Result<void> check_region(Walk& walk, uint32_t number, int32_t off, uint32_t size, uint32_t limit, bool zero_size_allowed) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    const Scalar& var = reg.value;
    // Both ends are checked; the lower one first.
    if (var.s64.min < 0 &&
        (var.s64.min == INT64_MIN || off + var.s64.min != static_cast<int32_t>(off + var.s64.min) || var.s64.min + off < 0)) {
        return env.reject(EACCES, "R{} min value is negative, either use unsigned index or do a if (index >=0) check.", number);
    }
    if (const Result<void> low = require_inside(walk, number, var.s64.min + off, size, limit, zero_size_allowed); !low.ok()) {
        env.log.print("R{} min value is outside of the allowed memory range\n", number);
        return low;
    }
    if (var.u64.max >= static_cast<uint64_t>(most_offset)) {
        return env.reject(EACCES, "R{} unbounded memory access, make sure to bounds check any such access", number);
    }
    if (const Result<void> high = require_inside(walk, number, static_cast<int64_t>(var.u64.max) + off, size, limit, zero_size_allowed);
        !high.ok()) {
        env.log.print("R{} max value is outside of the allowed memory range\n", number);
        return high;
    }
    return {};
}

// --- map values --------------------------------------------------------------------------------------------------------------------------

Result<void> check_map_value_range(Walk& walk, uint32_t number, int32_t off, uint32_t size, bool zero_size_allowed, Access access) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    const Map& map = *reg.map;
    const auto at = static_cast<int64_t>(reg.off) + static_cast<int64_t>(reg.value.var_off.value);
    if (access == Access::write && !map.program_may_write()) {
        return env.reject(EACCES, "write into map forbidden, value_size={} off={} size={}", map.spec().value_size, at + off - reg.off,
                          size);
    }
    if (access == Access::read && !map.program_may_read()) {
        return env.reject(EACCES, "read from map forbidden, value_size={} off={} size={}", map.spec().value_size, at + off - reg.off, size);
    }
    TRY(check_region(walk, number, off, size, map.spec().value_size, zero_size_allowed));
    const int64_t first = off + reg.value.s64.min, last = off + static_cast<int64_t>(reg.value.u64.max) + size;
    for (const SpecialField& field : map.spec().fields.fields) {
        if (first < int64_t{field.offset} + field.size && field.offset < last) {
            return env.reject(EACCES, "{} cannot be accessed directly by load/store", name_of(field.kind));
        }
    }
    return {};
}

Result<void> access_map_value(Walk& walk, const MemoryAccess& access) {
    const Reg pointer = walk.reg(access.number);
    const int32_t off = pointer.off + access.off;
    if (access.access == Access::write && access.value >= 0 && leaks_pointer(walk, walk.reg(static_cast<uint32_t>(access.value)))) {
        return walk.env.reject(EACCES, "R{} leaks addr into map", access.value);
    }
    TRY(check_map_value_range(walk, access.number, off, access.size, false, access.access));
    if (access.access == Access::write || access.value < 0) return {};
    Reg& target = walk.reg(static_cast<uint32_t>(access.value));
    if (pointer.value.is_const() && fold_constant(target, *pointer.map, static_cast<uint64_t>(off) + pointer.value.const_value(), access)) {
        return {};
    }
    mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

// --- memory of helpers and of global functions' arguments --------------------------------------------------------------------------------

Result<void> access_mem(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg pointer = walk.reg(access.number);
    if (access.access == Access::write && pointer.has(rdonly)) {
        return env.reject(EACCES, "R{} cannot write into {}", access.number, kind_text(pointer));
    }
    if (access.access == Access::write && access.value >= 0 && leaks_pointer(walk, walk.reg(static_cast<uint32_t>(access.value)))) {
        return env.reject(EACCES, "R{} leaks addr into mem", access.value);
    }
    TRY(check_region(walk, access.number, pointer.off + access.off, access.size, pointer.mem_size, false));
    if (access.access == Access::read && access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

// --- packets -----------------------------------------------------------------------------------------------------------------------------

Result<void> check_packet_range(Walk& walk, uint32_t number, int32_t off, uint32_t size, bool zero_size_allowed) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    if (reg.value.s64.min < 0) {
        return env.reject(EACCES, "R{} min value is negative, either use unsigned index or do a if (index >=0) check.", number);
    }
    const Result<void> inside = reg.range < 0
                                    ? Result<void>(fail(EINVAL))
                                    : require_inside(walk, number, off, size, static_cast<uint64_t>(reg.range), zero_size_allowed);
    if (!inside.ok()) return env.reject(inside.code(), "R{} offset is outside of the packet", number);
    return {};
}

Result<void> access_packet(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    if (access.access == Access::write && !env.type->packet_write) return env.reject(EACCES, "cannot write into packet");
    if (access.access == Access::write && access.value >= 0 && leaks_pointer(walk, walk.reg(static_cast<uint32_t>(access.value)))) {
        return env.reject(EACCES, "R{} leaks addr into packet", access.value);
    }
    TRY(check_packet_range(walk, access.number, pointer.off + access.off, access.size, false));
    if (access.access == Access::read && access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

// Every pointer with the same id and variable offset has at least as much behind it: the end was proved to be at `pointer` or after.
void learn_packet_range(State& state, const Reg& pointer, Kind kind, bool open_range) {
    if (pointer.off < 0 || (pointer.off == 0 && open_range)) return;
    constexpr uint64_t longest_packet = 0xffff;
    if (pointer.value.u64.max > longest_packet || static_cast<uint64_t>(pointer.off) + pointer.value.u64.max > longest_packet) return;
    const int32_t range = open_range ? pointer.off + 1 : pointer.off;  // strictly before the end: one byte more
    const uint32_t id = pointer.id;
    for_each_reg(state, [&](Reg& reg) {
        if (reg.kind == kind && reg.id == id && reg.range < range) reg.range = range;
    });
}

void forget_packet_pointers(Walk& walk) {
    for_each_reg(walk.state, [](Reg& reg) {
        if (reg.is_packet() || reg.is(Kind::packet_end) || reg.has(of_packet)) set_unknown(reg);
    });
}

Result<void> require_field_at(Walk& walk, uint32_t number, FieldKind kind, const char* name) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    const Map& map = *reg.map;
    if (!reg.value.is_const()) {
        return env.reject(EINVAL, "R{} doesn't have constant offset. {} has to be at the constant offset", number, name);
    }
    if (!map.spec().btf) return env.reject(EINVAL, "map '{}' has to have BTF in order to use {}", map.spec().name, name);
    const auto place = map.spec().fields.offset_of(kind);
    if (!place) return env.reject(EINVAL, "map '{}' has no valid {}", map.spec().name, name);
    const int64_t off = static_cast<int64_t>(reg.value.const_value()) + reg.off;
    if (off != *place) return env.reject(EINVAL, "off {} doesn't point to 'struct {}' that is at {}", off, name, *place);
    return {};
}

// --- null checks -------------------------------------------------------------------------------------------------------------------------

namespace {

// The value of a map in maps is a map, that of a map of sockets a socket.
void become_element(Reg& reg) {
    const Map& map = *reg.map;
    if (map.inner_template() != nullptr) {
        reg.kind = Kind::map_ptr;
        reg.map = map.inner_template();
        if (reg.map->spec().fields.has(FieldKind::timer)) reg.map_uid = reg.id;
        return;
    }
    const uint32_t type = map.spec().type;
    if (type == BPF_MAP_TYPE_XSKMAP) {
        reg.kind = Kind::xdp_sock;
        reg.map = nullptr;
    } else if (type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH) {
        reg.kind = Kind::sock;
        reg.map = nullptr;
    }
}

}  // namespace

void resolve_null(Walk&, State& state, uint32_t number, bool is_null) {
    const Reg& checked = state.regs()[number];
    const uint32_t id = checked.id;
    // Nothing was given, so nothing is to be given back.
    if (is_null && checked.ref_id != 0 && checked.ref_id == id) drop_reference(state, id);
    for_each_reg(state, [&](Reg& reg) {
        if (!reg.has(maybe_null) || reg.id != id || id == 0) return;
        if (is_null) {
            set_constant(reg, 0);
            return;
        }
        reg.flags &= static_cast<uint8_t>(~maybe_null);
        if (reg.is(Kind::map_value)) {
            become_element(reg);
            // Two values of a map with locks are told apart by it.
            if (reg.is(Kind::map_value) && reg.map->spec().fields.has(FieldKind::spin_lock)) return;
        }
        reg.id = 0;
    });
}

}  // namespace graft::verify
