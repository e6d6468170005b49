// Loads and stores: what every kind of pointer has in common, and the way to each.
#include "verify/pointer/pointer.h"
#include "verify/scalar/print.h"

namespace graft::verify {
namespace {

constexpr uint32_t ip_align = 2;  // Ethernet header before a packet's aligned part

const char* region_name(Kind kind) {
    switch (kind) {
        case Kind::flow_keys:
            return "flow keys ";
        case Kind::map_key:
            return "key ";
        case Kind::map_value:
            return "value ";
        case Kind::ctx:
            return "context ";
        case Kind::stack:
            return "stack ";
        case Kind::sock:
            return "sock ";
        case Kind::sock_common:
            return "sock_common ";
        case Kind::tcp_sock:
            return "tcp_sock ";
        case Kind::xdp_sock:
            return "xdp_sock ";
        default:
            return "";
    }
}

// A constant reads as a number here, whatever the log shows elsewhere.
std::string offset_text(const Reg& pointer) {
    const Tnum& var = pointer.value.var_off;
    return var.is_const() ? signed_number(static_cast<int64_t>(var.value)) : var.text();
}

}  // namespace

Result<void> require_aligned(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    const bool wanted = (env.request.flags & (BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT)) == BPF_F_STRICT_ALIGNMENT;
    const bool strict = wanted || access.strict_alignment || pointer.is(Kind::stack);
    if (!strict || access.size == 1) return {};
    const auto fixed = static_cast<uint64_t>(int64_t{pointer.off} + access.off);
    if (pointer.is_packet()) {
        if (add(pointer.value.var_off, Tnum::constant(fixed + ip_align)).is_aligned(access.size)) return {};
        return env.reject(EACCES, "misaligned packet access off {}+{}+{}+{} size {}", ip_align, offset_text(pointer), pointer.off,
                          access.off, access.size);
    }
    if (add(pointer.value.var_off, Tnum::constant(fixed)).is_aligned(access.size)) return {};
    return env.reject(EACCES, "misaligned {}access off {}+{}+{} size {}", region_name(pointer.kind), offset_text(pointer), pointer.off,
                      access.off, access.size);
}

namespace {

Result<void> access_map_key(Walk& walk, const MemoryAccess& access) {
    if (access.access == Access::write) return walk.env.reject(EACCES, "write to change key R{} not allowed", access.number);
    const Reg& pointer = walk.reg(access.number);
    TRY(check_region(walk, access.number, pointer.off + access.off, access.size, pointer.map->spec().key_size, false));
    if (access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

// How large it is shows when the program is attached.
Result<void> access_tp_buffer(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    const int32_t off = pointer.off + access.off;
    if (off < 0) return env.reject(EACCES, "R{} invalid tracepoint buffer access: off={}, size={}", access.number, off, access.size);
    if (!pointer.value.is_const() || pointer.value.const_value() != 0) {
        return env.reject(EACCES, "R{} invalid variable buffer offset: off={}, var_off={}", access.number, off,
                          pointer.value.var_off.text());
    }
    if (access.access == Access::read && access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

Result<void> access_by_kind(Walk& walk, const MemoryAccess& access) {
    const Reg& pointer = walk.reg(access.number);
    if (!pointer.has(maybe_null)) {
        switch (pointer.kind) {
            case Kind::map_key:
                return access_map_key(walk, access);
            case Kind::map_value:
                return access_map_value(walk, access);
            case Kind::mem:
            case Kind::buf:
                return access_mem(walk, access);
            case Kind::ctx:
                return access_ctx(walk, access);
            case Kind::stack:
                return access_stack(walk, access);
            case Kind::packet:
            case Kind::packet_meta:
                return access_packet(walk, access);
            case Kind::sock:
            case Kind::sock_common:
            case Kind::tcp_sock:
            case Kind::xdp_sock:
                return access_sock(walk, access);
            case Kind::flow_keys:
                return access_flow_keys(walk, access);
            case Kind::tp_buffer:
                return access_tp_buffer(walk, access);
            case Kind::btf_object:
                return access_btf_object(walk, access);
            default:
                break;
        }
    }
    return walk.env.reject(EACCES, "R{} invalid mem access '{}'", access.number, kind_text(pointer));
}

}  // namespace

Result<void> access_memory(Walk& walk, const MemoryAccess& access) {
    TRY(require_aligned(walk, access));
    TRY(access_by_kind(walk, access));
    if (access.access == Access::write || access.value < 0 || access.size >= 8) return {};
    Reg& target = walk.reg(static_cast<uint32_t>(access.value));
    if (!target.is(Kind::scalar)) return {};
    if (access.sign_extend) {
        target.value.sign_extend_64(access.size);
    } else {
        target.value.truncate(access.size);
    }
    return {};
}

}  // namespace graft::verify
