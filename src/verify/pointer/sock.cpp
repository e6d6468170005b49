// Sockets and flow keys: structs of the UAPI that a program reads; the keys it may also write.
#include "abi/bpf.h"
#include "prog_type/sock_fields.h"
#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

std::optional<CtxAccess> field_of(Kind kind, uint32_t off, uint32_t size) {
    switch (kind) {
        case Kind::sock_common:
            return sock_fields::sock_common(off, size);
        case Kind::tcp_sock:
            return sock_fields::tcp_sock(off, size);
        case Kind::xdp_sock:
            return sock_fields::xdp_sock(off, size);
        default:
            return sock_fields::sock(off, size);
    }
}

}  // namespace

Result<void> access_sock(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    if (access.access == Access::write) return env.reject(EACCES, "R{} cannot write into {}", access.number, kind_text(pointer));
    if (pointer.value.s64.min < 0) {
        return env.reject(EACCES, "R{} min value is negative, either use unsigned index or do a if (index >=0) check.", access.number);
    }
    const int32_t off = pointer.off + access.off;
    if (off < 0 || !field_of(pointer.kind, static_cast<uint32_t>(off), access.size)) {
        return env.reject(EACCES, "R{} invalid {} access off={} size={}", access.number, kind_text(pointer), off, access.size);
    }
    if (access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

Result<void> access_flow_keys(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const bool writes = access.access == Access::write;
    if (writes && access.value >= 0 && leaks_pointer(walk, walk.reg(static_cast<uint32_t>(access.value)))) {
        return env.reject(EACCES, "R{} leaks addr into flow keys", access.value);
    }
    const int32_t off = walk.reg(access.number).off + access.off;
    if (off < 0 || static_cast<uint32_t>(off) + access.size > sizeof(bpf_flow_keys)) {
        return env.reject(EACCES, "invalid access to flow keys off={} size={}", off, access.size);
    }
    if (!writes && access.value >= 0) mark_unknown(walk, static_cast<uint32_t>(access.value));
    return {};
}

}  // namespace graft::verify
