// Calls of helpers.
#include <algorithm>
#include <iterator>

#include "helper/kfuncs.h"
#include "map/map.h"
#include "verify/call/args.h"
#include "verify/call/call.h"
#include "verify/call/map_functions.h"
#include "verify/call/references.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

Result<void> require_writable_map(Walk& walk, const Helper& helper, const Map* map) {
    constexpr uint32_t writers[] = {BPF_FUNC_map_delete_elem, BPF_FUNC_map_update_elem, BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem};
    if (map == nullptr || map->program_may_write() || std::find(std::begin(writers), std::end(writers), helper.id) == std::end(writers))
        return {};
    return walk.env.reject(EACCES, "write into map forbidden");
}

// A socket out of a map of sockets is a reference, too.
bool acquires(const HelperCall& call) {
    if (call.helper->id != BPF_FUNC_map_lookup_elem) return call.helper->acquires;
    const uint32_t type = call.map->spec().type;
    return type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH;
}

void set_result(Walk& walk, const HelperCall& call) {
    Reg& result = walk.reg(0);
    switch (call.helper->ret) {
        case Ret::integer:
            mark_unknown(walk, 0);
            return;
        case Ret::nothing:
            return;
        case Ret::map_value_or_null:
        case Ret::map_value:
            set_pointer(result, Kind::map_value, call.helper->ret == Ret::map_value ? 0 : maybe_null);
            result.map = call.map;
            result.map_uid = call.map_uid;
            break;
        case Ret::ringbuf_mem_or_null:
            set_pointer(result, Kind::mem, maybe_null | mem_ringbuf);
            result.mem_size = call.alloc_size;
            break;
        case Ret::mem_or_null:
        case Ret::dynptr_mem_or_null:
            set_pointer(result, Kind::mem, maybe_null);
            result.mem_size = call.alloc_size;
            result.dynptr_id = call.dynptr_id;
            break;
        case Ret::slice_or_null:
        case Ret::rdonly_slice_or_null: {
            const bool moves = call.dynptr == DynptrType::skb || call.dynptr == DynptrType::xdp;
            const int flags = maybe_null | (moves ? of_packet : 0) | (call.helper->ret == Ret::rdonly_slice_or_null ? rdonly : 0);
            set_pointer(result, Kind::mem, static_cast<uint8_t>(flags));
            result.mem_size = call.alloc_size;
            result.dynptr_id = call.dynptr_id;
            break;
        }
        case Ret::sock_or_null:
            set_pointer(result, Kind::sock, maybe_null);
            break;
        case Ret::sock_common_or_null:
            set_pointer(result, Kind::sock_common, maybe_null);
            break;
        case Ret::tcp_sock_or_null:
            set_pointer(result, Kind::tcp_sock, maybe_null);
            break;
        case Ret::btf_id_or_null:
            set_pointer(result, Kind::btf_object, maybe_null | trusted);
            break;
    }
    if (result.has(maybe_null)) result.id = walk.next_id();
    if (call.helper->casts) result.ref_id = call.ref_id;
    if (acquires(call)) result.id = result.ref_id = acquire_reference(walk);
}

// What single helpers demand beside their arguments' rules.
Result<void> check_special(Walk& walk, const HelperCall& call) {
    Env& env = walk.env;
    switch (call.helper->id) {
        case BPF_FUNC_tail_call: {
            if (!require_no_references(walk).ok()) return env.reject(EINVAL, "tail_call would lead to reference leak");
            const Reg& index = walk.reg(3);
            if (call.map == nullptr || !index.is_const_scalar() || index.value.const_value() >= call.map->spec().max_entries) return {};
            return mark_precise(walk, 3);
        }
        case BPF_FUNC_dynptr_from_mem:
            if (walk.reg(1).is(Kind::map_value)) return {};
            return env.reject(EACCES, "Unsupported reg type {} for bpf_dynptr_from_mem data", kind_text(walk.reg(1)));
        case throw_kfunc:
            env.throws = true;
            return env.exception_callback == 0 ? check_return_value(walk, 1) : Result<void>();
        case BPF_FUNC_get_local_storage:
            if (!walk.reg(2).is_null()) return env.reject(EINVAL, "get_local_storage() doesn't support non-zero flags");
            return {};
        default:
            return {};
    }
}

Result<const Helper*> find_allowed(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const auto id = static_cast<uint32_t>(insn.imm);
    const char* name = helper_name(id);
    if (insn.imm <= 0 || name == nullptr) return env.reject(EINVAL, "invalid func {}#{}", name == nullptr ? "unknown" : name, insn.imm);
    const Helper* helper = find_helper(id);
    if (helper == nullptr || !env.type->allows_helper(id, env.expected_attach_type())) {
        return env.reject(EINVAL, "program of this type cannot use helper {}#{}", name, insn.imm);
    }
    if (helper->gpl_only && !env.request.gpl_compatible) {
        return env.reject(EINVAL, "cannot call GPL-restricted function from non-GPL compatible program");
    }
    if (helper->might_sleep && (env.request.flags & BPF_F_SLEEPABLE) == 0) {
        return env.reject(EINVAL, "helper call might sleep in a non-sleepable prog");
    }
    return helper;
}

}  // namespace

// R0..R5 hold nothing after a call.
void clear_caller_saved(Walk& walk) {
    for (uint32_t number = 0; number <= 5; ++number) {
        set_not_init(walk.reg(number));
        walk.reg(number).live |= live_written;
        walk.touch(number);
    }
}

namespace {

// The kernel function that a call names; before the walk it was made sure that there is one.
Result<const Helper*> find_allowed_kfunc(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const Helper* const kfunc = kfunc_of(env, insn);
    if (kfunc == nullptr) return fail(EINVAL, "a call of no kernel function");
    if (!allows_kfunc(env.effective_type(), *kfunc)) {
        return env.reject(EACCES, "calling kernel function {} is not allowed", kfunc->name);
    }
    if (kfunc->might_sleep && (env.request.flags & BPF_F_SLEEPABLE) == 0) {
        return env.reject(EACCES, "program must be sleepable to call sleepable kfunc {}", kfunc->name);
    }
    if (kfunc->ret == Ret::slice_or_null && !env.type->packet_write) {
        return env.reject(EINVAL, "the prog does not allow writes to packet data");
    }
    return kfunc;
}

Result<void> call_row(Walk& walk, HelperCall call) {
    for (uint32_t number = 1; number <= 5; ++number) TRY(check_argument(walk, call, number));
    TRY(require_writable_map(walk, *call.helper, call.map));
    if (call.helper->releases != 0 && call.ref_id != 0 && !release_reference(walk, call.ref_id)) {
        return walk.env.reject(EINVAL, "func {}#{} reference has not been acquired before", call.helper->name, call.helper->id);
    }
    TRY(check_special(walk, call));
    TRY(call_back(walk, call));
    clear_caller_saved(walk);
    set_result(walk, call);
    if (call.map != nullptr) TRY(require_compatible(walk.env, *call.helper, call.map->spec().type));
    const bool writes_skb = call.helper->id == BPF_FUNC_dynptr_write && call.dynptr == DynptrType::skb;
    if (call.helper->changes_packet || writes_skb) forget_packet_pointers(walk);
    return {};
}

}  // namespace

Result<void> call_helper(Walk& walk, const bpf_insn& insn) { return call_row(walk, {.helper = TRY(find_allowed(walk, insn))}); }

Result<Step> call_kfunc(Walk& walk, const bpf_insn& insn) {
    // Function 0, a loader's mark: rewrite() finds it if somebody reaches it.
    if (insn.imm == 0 && insn.off == 0) return Step::next;
    const Helper* const kfunc = TRY(find_allowed_kfunc(walk, insn));
    TRY(call_row(walk, {.helper = kfunc}));
    if (kfunc->id != throw_kfunc) return Step::next;
    TRY(require_no_references(walk, true));
    return Step::path_done;
}

}  // namespace graft::verify
