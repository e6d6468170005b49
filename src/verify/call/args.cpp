// Arguments of helpers: what each rule demands of its register.
#include "verify/call/args.h"

#include <optional>

#include "helper/kfuncs.h"
#include "map/map.h"
#include "verify/call/dynptr.h"
#include "verify/call/references.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

constexpr uint64_t most_size = 1 << 29;
constexpr const char* memory_kinds = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";

bool may_be_null(Arg rule) {
    return rule == Arg::ctx_or_null || rule == Arg::mem_read_or_null || rule == Arg::stack_or_null || rule == Arg::map_value_or_null ||
           rule == Arg::slice_buffer;
}
bool is_memory(Arg rule) {
    return rule == Arg::map_key || rule == Arg::map_value || rule == Arg::map_value_or_null || rule == Arg::uninit_map_value ||
           rule == Arg::mem_read || rule == Arg::mem_read_or_null || rule == Arg::mem_write || rule == Arg::short_ptr ||
           rule == Arg::int_ptr || rule == Arg::long_ptr;
}

// The kinds a rule takes, in the words of the message.
const char* expected_kinds(Arg rule) {
    switch (rule) {
        case Arg::const_map_ptr:
            return "map_ptr";
        case Arg::ctx:
        case Arg::ctx_or_null:
            return "ctx";
        case Arg::const_size:
        case Arg::const_size_or_zero:
        case Arg::const_alloc_size_or_zero:
        case Arg::slice_size:
            return "scalar";
        case Arg::callback:
            return "func";
        case Arg::stack_or_null:
            return "fp";
        case Arg::spin_lock:
            return "map_value, ptr_";
        case Arg::timer:
        case Arg::kptr:
        case Arg::const_str:
            return "map_value";
        case Arg::alloc_mem:
            return "ringbuf_mem";
        case Arg::sock_common:
            return "sock_common, sock, tcp_sock, xdp_sock";
        case Arg::btf_sock_common:
            return "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_";
        case Arg::xdp_buff:
        case Arg::sk_buff:
            return "ptr_, trusted_ptr_, rcu_ptr_";
        default:
            return memory_kinds;
    }
}

bool kind_matches(Arg rule, const Reg& reg) {
    if (reg.has(maybe_null)) return false;
    switch (rule) {
        case Arg::const_map_ptr:
            return reg.is(Kind::map_ptr);
        case Arg::ctx:
        case Arg::ctx_or_null:
            return reg.is(Kind::ctx);
        case Arg::const_size:
        case Arg::const_size_or_zero:
        case Arg::const_alloc_size_or_zero:
        case Arg::slice_size:
            return reg.is(Kind::scalar);
        case Arg::callback:
            return reg.is(Kind::func);
        case Arg::stack_or_null:
            return reg.is(Kind::stack);
        case Arg::spin_lock:
        case Arg::timer:
        case Arg::kptr:
        case Arg::const_str:
            return reg.is(Kind::map_value);
        case Arg::alloc_mem:
            return reg.is(Kind::mem) && reg.has(mem_ringbuf);
        case Arg::sock_common:
        case Arg::btf_sock_common:
            return reg.is(Kind::sock_common) || reg.is(Kind::sock) || reg.is(Kind::tcp_sock) || reg.is(Kind::xdp_sock);
        case Arg::xdp_buff:
        case Arg::sk_buff:
            return reg.is(Kind::btf_object) && !reg.has(untrusted);
        default:
            return reg.is(Kind::stack) || reg.is_packet() || reg.is(Kind::map_key) || reg.is(Kind::map_value) || reg.is(Kind::mem) ||
                   reg.is(Kind::buf) || (reg.is(Kind::btf_object) && reg.has(trusted));
    }
}

Result<void> require_kind(Walk& walk, Arg rule, uint32_t number) {
    const Reg& reg = walk.reg(number);
    if (reg.has(rdonly) && rule != Arg::mem_read && rule != Arg::mem_read_or_null && rule != Arg::map_key && is_memory(rule)) {
        return walk.env.reject(EACCES, "R{} type={} expected={}", number, kind_text(reg), expected_kinds(rule));
    }
    if (!kind_matches(rule, reg)) {
        return walk.env.reject(EACCES, "R{} type={} expected={}", number, kind_text(reg), expected_kinds(rule));
    }
    if (reg.is(Kind::ctx) || reg.is(Kind::map_ptr)) return check_fixed_offset(walk, reg, number, false);
    return {};
}

Result<void> require_struct(Walk& walk, std::string_view name, uint32_t number) {
    const Reg& reg = walk.reg(number);
    TRY(check_fixed_offset(walk, reg, number, true));
    if (leads_to_struct(walk.env, reg, name)) return {};
    return walk.env.reject(EACCES, "R{} is of type {} but {} is expected", number, reg.btf->type(reg.btf_id).name(), name);
}

bool holds_sockets(const Map* map) {
    return map != nullptr && (map->spec().type == BPF_MAP_TYPE_SOCKMAP || map->spec().type == BPF_MAP_TYPE_SOCKHASH);
}

// The rule of an argument.  Where other programs hand over their context, tracing programs hand over what they found in theirs; into a map
// of sockets goes a socket.
Arg rule_of(const Env& env, const HelperCall& call, uint32_t number) {
    const Helper& helper = *call.helper;
    const Arg rule = helper.args[number - 1];
    if (rule == Arg::map_value && holds_sockets(call.map)) return Arg::btf_sock_common;
    const bool traced = env.effective_type() == BPF_PROG_TYPE_TRACING && helper.id == BPF_FUNC_xdp_get_buff_len;
    return traced && rule == Arg::ctx ? Arg::xdp_buff : rule;
}

// The memory before a size argument.
Result<void> check_size(Walk& walk, HelperCall& call, uint32_t number, bool zero_allowed) {
    Env& env = walk.env;
    const Reg& size = walk.reg(number);
    const Arg memory = call.helper->args[number - 2];
    call.fills = memory == Arg::mem_write && size.value.is_const();
    if (size.value.s64.min < 0) {
        return env.reject(EACCES, "R{} min value is negative, either use unsigned or 'var &= const'", number);
    }
    if (size.value.u64.min == 0 && !zero_allowed) {
        return env.reject(EACCES, "R{} invalid zero-sized read: u64=[{},{}]", number, static_cast<int64_t>(size.value.u64.min),
                          static_cast<int64_t>(size.value.u64.max));
    }
    if (size.value.u64.max >= most_size) {
        return env.reject(EACCES, "R{} unbounded memory access, use 'var &= const' or 'if (var < const)'", number);
    }
    const Access access = memory == Arg::mem_write || memory == Arg::slice_buffer ? Access::write : Access::read;
    TRY(check_helper_memory(walk, number - 1, static_cast<uint32_t>(size.value.u64.max), access, zero_allowed, call.fills));
    return mark_precise(walk, number);
}

// What a kernel function demands of its arguments has words of its own; nothing: they are a helper's.
std::optional<Result<void>> check_kfunc_argument(Walk& walk, HelperCall& call, Arg rule, uint32_t number) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    switch (rule) {
        case Arg::scalar:
            if (!reg.is(Kind::scalar)) return env.reject(EINVAL, "R{} is not a scalar", number);
            return Result<void>();
        case Arg::ctx:
            if (call.helper->id < first_kfunc || reg.is(Kind::ctx)) return std::nullopt;
            return env.reject(EINVAL, "arg#{} expected pointer to ctx, but got {}", number - 1, kind_text(reg));
        case Arg::new_local_dynptr:
            return make_dynptr(walk, number, DynptrType::local);
        case Arg::new_skb_dynptr:
            return make_dynptr(walk, number, DynptrType::skb);
        case Arg::new_xdp_dynptr:
            return make_dynptr(walk, number, DynptrType::xdp);
        case Arg::dynptr: {
            const Result<Reg> dynptr = require_dynptr(walk, number);
            if (!dynptr.ok()) return dynptr.error();
            call.dynptr = dynptr->dynptr;
            call.dynptr_id = dynptr->dynptr_id;
            return Result<void>();
        }
        default:
            return std::nullopt;
    }
}

// At most one argument carries a reference; one that is given back must.
Result<void> check_reference(Walk& walk, HelperCall& call, uint32_t number) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    if (call.helper->releases == number && !reg.is_null()) {
        if (reg.off != 0) {
            return env.reject(EINVAL, "R{} must have zero offset when passed to release func or trusted arg to kfunc", number);
        }
        TRY(check_fixed_offset(walk, reg, number, false));
    }
    if (call.helper->releases == number && reg.ref_id == 0 && !reg.is_null()) {
        return env.reject(EINVAL, "R{} must be referenced when passed to release function", number);
    }
    if (reg.ref_id == 0) return {};
    if (call.ref_id != 0) {
        return env.reject(EFAULT, "verifier internal error: more than one arg with ref_obj_id R{} {} {}", number, reg.ref_id, call.ref_id);
    }
    call.ref_id = reg.ref_id;
    return {};
}

Result<void> check_map_memory(Walk& walk, HelperCall& call, uint32_t number, Arg rule) {
    if (call.map == nullptr) {
        return walk.env.reject(EACCES, "invalid map_ptr to access map->{}", rule == Arg::map_key ? "key" : "value");
    }
    const MapSpec& spec = call.map->spec();
    if (rule == Arg::map_key) return check_helper_memory(walk, number, spec.key_size, Access::read, false, false);
    // A bloom filter is asked for what the memory holds.
    const bool fills = rule == Arg::uninit_map_value && spec.type != BPF_MAP_TYPE_BLOOM_FILTER;
    return check_helper_memory(walk, number, spec.value_size, fills ? Access::write : Access::read, false, fills);
}

}  // namespace

Result<void> check_helper_memory(Walk& walk, uint32_t number, uint32_t size, Access access, bool zero_size_allowed, bool fills) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    switch (reg.kind) {
        case Kind::packet:
        case Kind::packet_meta:
            return check_packet_range(walk, number, reg.off, size, zero_size_allowed);
        case Kind::map_key:
            if (access == Access::write) return env.reject(EACCES, "R{} cannot write into {}", number, kind_text(reg));
            return check_region(walk, number, reg.off, size, reg.map->spec().key_size, false);
        case Kind::map_value:
            return check_map_value_range(walk, number, reg.off, size, zero_size_allowed, access);
        case Kind::mem:
        case Kind::buf:
            if (access == Access::write && reg.has(rdonly)) return env.reject(EACCES, "R{} cannot write into {}", number, kind_text(reg));
            return check_region(walk, number, reg.off, size, reg.mem_size, zero_size_allowed);
        case Kind::stack:
            return check_stack_range(walk, {.number = number,
                                            .off = reg.off,
                                            .size = size,
                                            .zero_size_allowed = zero_size_allowed,
                                            .fills = fills,
                                            .by_helper = true});
        default:
            if (zero_size_allowed && size == 0 && reg.is_null()) return {};
            return env.reject(EACCES, "R{} type={} expected=fp", number, kind_text(reg));
    }
}

Result<void> check_argument(Walk& walk, HelperCall& call, uint32_t number) {
    Env& env = walk.env;
    const Arg rule = rule_of(env, call, number);
    if (rule == Arg::none) return {};
    TRY(use_reg(walk, number, Use::read));
    const Reg& reg = walk.reg(number);
    if (rule == Arg::anything) {
        if (leaks_pointer(walk, reg)) return env.reject(EACCES, "R{} leaks addr into helper function", number);
        return {};
    }
    if (const auto verdict = check_kfunc_argument(walk, call, rule, number)) return *verdict;
    if (reg.is_packet() && !call.helper->packet_access) return env.reject(EACCES, "helper access to the packet is not allowed");
    const bool skip_kind = reg.is_null() && may_be_null(rule);
    TRY(skip_kind ? mark_precise(walk, number) : require_kind(walk, rule, number));
    TRY(check_reference(walk, call, number));
    switch (rule) {
        case Arg::const_map_ptr:
            if (call.map != nullptr && (call.map != reg.map || call.map_uid != reg.map_uid)) {
                return env.reject(EINVAL, "timer pointer in R1 map_uid={} doesn't match map pointer in R2 map_uid={}", call.map_uid,
                                  reg.map_uid);
            }
            call.map = reg.map;
            call.map_uid = reg.map_uid;
            return {};
        case Arg::timer:
            TRY(require_field_at(walk, number, FieldKind::timer, "bpf_timer"));
            call.map = reg.map;
            call.map_uid = reg.map_uid;
            return {};
        case Arg::map_key:
        case Arg::map_value:
        case Arg::map_value_or_null:
        case Arg::uninit_map_value:
            if (skip_kind) return {};
            return check_map_memory(walk, call, number, rule);
        case Arg::const_size:
            return check_size(walk, call, number, false);
        case Arg::const_size_or_zero:
            return check_size(walk, call, number, true);
        case Arg::const_alloc_size_or_zero:
            if (!reg.value.is_const()) return env.reject(EACCES, "R{} is not a known constant'", number);
            call.alloc_size = static_cast<uint32_t>(reg.value.const_value());
            return mark_precise(walk, number);
        case Arg::slice_size:
            if (!reg.value.is_const()) return env.reject(EINVAL, "R{} must be a known constant", number);
            call.alloc_size = static_cast<uint32_t>(reg.value.const_value());
            if (!walk.reg(number - 1).is_null()) {
                const Result<void> buffer = check_size(walk, call, number, false);
                if (buffer.ok()) return {};
                return env.reject(EINVAL, "arg#{} arg#{} memory, len pair leads to invalid memory access", number - 2, number - 1);
            }
            return mark_precise(walk, number);
        case Arg::xdp_buff:
            return require_struct(walk, "xdp_buff", number);
        case Arg::sk_buff:
            return require_struct(walk, "sk_buff", number);
        case Arg::callback:
            call.callback = reg.function;
            return {};
        case Arg::spin_lock:
            return change_lock(walk, number, call.helper->id == BPF_FUNC_spin_lock ? LockChange::lock : LockChange::unlock);
        case Arg::short_ptr:
        case Arg::int_ptr:
        case Arg::long_ptr: {
            const uint32_t size = rule == Arg::short_ptr ? 2 : rule == Arg::int_ptr ? 4 : 8;
            TRY(check_helper_memory(walk, number, size, Access::write, false, true));
            return require_aligned(walk, {.number = number, .size = size, .strict_alignment = true});
        }
        default:
            return {};
    }
}

}  // namespace graft::verify
