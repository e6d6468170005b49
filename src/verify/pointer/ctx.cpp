// The context: fixed offsets only, and the fields that the program type allows.
#include <algorithm>

#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

void set_field(Walk& walk, uint32_t number, const CtxAccess& field) {
    Reg& target = walk.reg(number);
    switch (field.field) {
        case CtxField::scalar:
            mark_unknown(walk, number);
            return;
        case CtxField::packet:
            set_pointer(target, Kind::packet);
            break;
        case CtxField::packet_meta:
            set_pointer(target, Kind::packet_meta);
            break;
        case CtxField::packet_end:
            set_pointer(target, Kind::packet_end);
            break;
        case CtxField::flow_keys:
            set_pointer(target, Kind::flow_keys);
            break;
        case CtxField::sock:
            set_pointer(target, Kind::sock);
            break;
        case CtxField::sock_or_null:
            set_pointer(target, Kind::sock, maybe_null);
            break;
        case CtxField::sock_common_or_null:
            set_pointer(target, Kind::sock_common, maybe_null);
            break;
        case CtxField::tp_buffer:
            set_pointer(target, Kind::tp_buffer);
            break;
        case CtxField::btf_pointer:
            set_pointer(target, Kind::btf_object, static_cast<uint8_t>((field.trusted ? trusted : 0) | (field.nullable ? maybe_null : 0)));
            target.btf = walk.env.request.vmlinux;
            target.btf_id = field.btf_id;
            break;
    }
    if (target.has(maybe_null)) target.id = walk.next_id();
    walk.touch(number);
}

std::optional<CtxAccess> allowed_field(Env& env, int32_t off, const MemoryAccess& access) {
    if (off < 0) return std::nullopt;
    const auto offset = static_cast<uint32_t>(off);
    const bool is_write = access.access == Access::write;
    if (env.effective_type() == BPF_PROG_TYPE_TRACING || env.effective_type() == BPF_PROG_TYPE_STRUCT_OPS)
        return traced_value(env, offset, access.size, is_write);
    if (env.effective_type() == abi::prog_type_netfilter) return netfilter_value(env, offset, access.size, is_write);
    return env.type->ctx_access(offset, access.size, is_write, env.expected_attach_type());
}

}  // namespace

bool is_context_of(const ProgType& type, const BtfType& pointee) {
    if (!pointee.is(BTF_KIND_STRUCT) || type.ctx_struct == nullptr) return false;
    if (pointee.name() == type.ctx_struct) return true;
    const std::string_view known = type.kernel_ctx_struct == nullptr ? "" : type.kernel_ctx_struct;
    return pointee.name() == known && (known == "sk_buff" || known == "xdp_buff" || known == "pt_regs");
}

Result<void> check_fixed_offset(Walk& walk, const Reg& reg, uint32_t number, bool fixed_ok) {
    Env& env = walk.env;
    if (reg.off < 0) return env.reject(EACCES, "negative offset {} ptr R{} off={} disallowed", kind_text(reg), number, reg.off);
    if (!fixed_ok && reg.off != 0) {
        return env.reject(EACCES, "dereference of modified {} ptr R{} off={} disallowed", kind_text(reg), number, reg.off);
    }
    if (!reg.value.is_const() || reg.value.const_value() != 0) {
        return env.reject(EACCES, "variable {} access var_off={} disallowed", kind_text(reg), reg.value.var_off.text());
    }
    return {};
}

Result<void> access_ctx(Walk& walk, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg pointer = walk.reg(access.number);
    if (access.access == Access::write && access.value >= 0 && leaks_pointer(walk, walk.reg(static_cast<uint32_t>(access.value)))) {
        return env.reject(EACCES, "R{} leaks addr into ctx", access.value);
    }
    TRY(check_fixed_offset(walk, pointer, access.number, false));
    const int32_t off = pointer.off + access.off;
    const auto field = allowed_field(env, off, access);
    // Sign-extended, a pointer is none.
    const bool torn = field && access.sign_extend && field->field != CtxField::scalar;
    if (!field || torn) return env.reject(EACCES, "invalid bpf_context access off={} size={}", off, access.size);
    env.max_ctx_offset = std::max(env.max_ctx_offset, static_cast<uint32_t>(off) + access.size);
    if (access.access == Access::read && access.value >= 0) set_field(walk, static_cast<uint32_t>(access.value), *field);
    return {};
}

}  // namespace graft::verify
