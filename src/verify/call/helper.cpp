// Calls of helpers.
#include <algorithm>
#include <iterator>

#include "map/map.h"
#include "verify/call/args.h"
#include "verify/call/call.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

// Which functions take maps of special types, and which types special functions take.
Result<void> require_compatible(Walk& walk, const Helper& helper, const Map* map) {
    if (map == nullptr) return {};
    const uint32_t type = map->spec().type;
    const uint32_t id = helper.id;
    const auto one_of = [](uint32_t value, std::initializer_list<uint32_t> set) {
        return std::find(set.begin(), set.end(), value) != set.end();
    };
    bool ok = true;
    switch (type) {
        case BPF_MAP_TYPE_PROG_ARRAY:
            ok = id == BPF_FUNC_tail_call;
            break;
        case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
            ok = one_of(id, {BPF_FUNC_perf_event_read, BPF_FUNC_perf_event_output, BPF_FUNC_skb_output, BPF_FUNC_perf_event_read_value,
                             BPF_FUNC_xdp_output});
            break;
        case BPF_MAP_TYPE_CGROUP_ARRAY:
            ok = one_of(id, {BPF_FUNC_skb_under_cgroup, BPF_FUNC_current_task_under_cgroup});
            break;
        case BPF_MAP_TYPE_DEVMAP:
        case BPF_MAP_TYPE_DEVMAP_HASH:
            ok = one_of(id, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem});
            break;
        case BPF_MAP_TYPE_CPUMAP:
            ok = id == BPF_FUNC_redirect_map;
            break;
        case BPF_MAP_TYPE_XSKMAP:
            ok = one_of(id, {BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem});
            break;
        case BPF_MAP_TYPE_ARRAY_OF_MAPS:
        case BPF_MAP_TYPE_HASH_OF_MAPS:
            ok = id == BPF_FUNC_map_lookup_elem;
            break;
        case BPF_MAP_TYPE_QUEUE:
        case BPF_MAP_TYPE_STACK:
            ok = one_of(id, {BPF_FUNC_map_peek_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_push_elem});
            break;
        default:
            break;
    }
    switch (id) {
        case BPF_FUNC_tail_call:
            ok = ok && type == BPF_MAP_TYPE_PROG_ARRAY;
            break;
        case BPF_FUNC_perf_event_read:
        case BPF_FUNC_perf_event_output:
        case BPF_FUNC_perf_event_read_value:
        case BPF_FUNC_skb_output:
        case BPF_FUNC_xdp_output:
            ok = ok && type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
            break;
        case BPF_FUNC_redirect_map:
            ok = ok && one_of(type, {BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP});
            break;
        case BPF_FUNC_map_lookup_percpu_elem:
            ok = ok && one_of(type, {BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH});
            break;
        case BPF_FUNC_map_peek_elem:
        case BPF_FUNC_map_pop_elem:
            ok = ok && one_of(type, {BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK});
            break;
        default:
            break;
    }
    if (ok) return {};
    return walk.env.reject(EINVAL, "cannot pass map_type {} into func {}#{}", type, helper.name, id);
}

Result<void> require_writable_map(Walk& walk, const Helper& helper, const Map* map) {
    constexpr uint32_t writers[] = {BPF_FUNC_map_delete_elem, BPF_FUNC_map_update_elem, BPF_FUNC_map_push_elem, BPF_FUNC_map_pop_elem};
    if (map == nullptr || map->program_may_write() || std::find(std::begin(writers), std::end(writers), helper.id) == std::end(writers))
        return {};
    return walk.env.reject(EACCES, "write into map forbidden");
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
            break;
        case Ret::mem_or_null:
            set_pointer(result, Kind::mem, maybe_null);
            result.mem_size = call.alloc_size;
            break;
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
}

Result<const Helper*> find_allowed(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const auto id = static_cast<uint32_t>(insn.imm);
    const char* name = helper_name(id);
    if (insn.imm <= 0 || name == nullptr) return env.reject(EINVAL, "invalid func {}#{}", name == nullptr ? "unknown" : name, insn.imm);
    const Helper* helper = find_helper(id);
    if (helper == nullptr || !env.type->allows_helper(id)) {
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

Result<void> call_helper(Walk& walk, const bpf_insn& insn) {
    HelperCall call{.helper = TRY(find_allowed(walk, insn))};
    for (uint32_t number = 1; number <= 5; ++number) TRY(check_argument(walk, call, number));
    TRY(require_writable_map(walk, *call.helper, call.map));
    if (call.helper->id == BPF_FUNC_tail_call && call.map != nullptr) {
        const Reg& index = walk.reg(3);
        if (index.is_const_scalar() && index.value.const_value() < call.map->spec().max_entries) TRY(mark_precise(walk, 3));
    }
    clear_caller_saved(walk);
    set_result(walk, call);
    TRY(require_compatible(walk, *call.helper, call.map));
    if (call.helper->changes_packet) forget_packet_pointers(walk);
    return {};
}

}  // namespace graft::verify
