#include "verify/call/map_functions.h"

#include <algorithm>
#include <initializer_list>

namespace graft::verify {
namespace {

using Ids = std::initializer_list<uint32_t>;
bool has(Ids ids, uint32_t id) { return std::ranges::find(ids, id) != ids.end(); }

constexpr uint32_t cgrp_storage_get = 210, cgrp_storage_delete = 211;

// A map of sockets may be changed by programs that never run while a socket's lock is held.
bool may_change_sockets(Env& env, uint32_t helper) {
    if (helper != BPF_FUNC_map_update_elem && helper != BPF_FUNC_map_delete_elem) return false;
    constexpr uint32_t without_lock[] = {BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SCHED_CLS,    BPF_PROG_TYPE_SCHED_ACT,
                                         BPF_PROG_TYPE_XDP,           BPF_PROG_TYPE_SK_REUSEPORT, BPF_PROG_TYPE_FLOW_DISSECTOR,
                                         BPF_PROG_TYPE_SK_LOOKUP};
    if (std::ranges::find(without_lock, env.effective_type()) != std::end(without_lock)) return true;
    if (env.effective_type() == BPF_PROG_TYPE_SOCK_OPS && helper == BPF_FUNC_map_delete_elem) return true;
    env.log.print("cannot update sockmap in this context\n");
    return false;
}

// Maps of these types may be given to these helpers only.
bool type_takes(Env& env, uint32_t type, uint32_t helper) {
    switch (type) {
        case BPF_MAP_TYPE_PROG_ARRAY:
            return helper == BPF_FUNC_tail_call;
        case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
            return has({BPF_FUNC_perf_event_read, BPF_FUNC_perf_event_output, BPF_FUNC_skb_output, BPF_FUNC_perf_event_read_value,
                        BPF_FUNC_xdp_output},
                       helper);
        case BPF_MAP_TYPE_RINGBUF:
            return has({BPF_FUNC_ringbuf_output, BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_query, BPF_FUNC_ringbuf_reserve_dynptr,
                        BPF_FUNC_ringbuf_submit_dynptr, BPF_FUNC_ringbuf_discard_dynptr},
                       helper);
        case BPF_MAP_TYPE_USER_RINGBUF:
            return helper == BPF_FUNC_user_ringbuf_drain;
        case BPF_MAP_TYPE_STACK_TRACE:
            return helper == BPF_FUNC_get_stackid;
        case BPF_MAP_TYPE_CGROUP_ARRAY:
            return has({BPF_FUNC_skb_under_cgroup, BPF_FUNC_current_task_under_cgroup}, helper);
        case BPF_MAP_TYPE_CGROUP_STORAGE:
        case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
            return helper == BPF_FUNC_get_local_storage;
        case BPF_MAP_TYPE_DEVMAP:
        case BPF_MAP_TYPE_DEVMAP_HASH:
        case BPF_MAP_TYPE_XSKMAP:
            return has({BPF_FUNC_redirect_map, BPF_FUNC_map_lookup_elem}, helper);
        case BPF_MAP_TYPE_CPUMAP:
            return helper == BPF_FUNC_redirect_map;
        case BPF_MAP_TYPE_ARRAY_OF_MAPS:
        case BPF_MAP_TYPE_HASH_OF_MAPS:
            return helper == BPF_FUNC_map_lookup_elem;
        case BPF_MAP_TYPE_SOCKMAP:
            return has({BPF_FUNC_sk_redirect_map, BPF_FUNC_sock_map_update, BPF_FUNC_msg_redirect_map, BPF_FUNC_sk_select_reuseport,
                        BPF_FUNC_map_lookup_elem},
                       helper) ||
                   may_change_sockets(env, helper);
        case BPF_MAP_TYPE_SOCKHASH:
            return has({BPF_FUNC_sk_redirect_hash, BPF_FUNC_sock_hash_update, BPF_FUNC_msg_redirect_hash, BPF_FUNC_sk_select_reuseport,
                        BPF_FUNC_map_lookup_elem},
                       helper) ||
                   may_change_sockets(env, helper);
        case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY:
            return helper == BPF_FUNC_sk_select_reuseport;
        case BPF_MAP_TYPE_QUEUE:
        case BPF_MAP_TYPE_STACK:
            return has({BPF_FUNC_map_peek_elem, BPF_FUNC_map_pop_elem, BPF_FUNC_map_push_elem}, helper);
        case BPF_MAP_TYPE_SK_STORAGE:
            return has({BPF_FUNC_sk_storage_get, BPF_FUNC_sk_storage_delete, BPF_FUNC_kptr_xchg}, helper);
        case BPF_MAP_TYPE_INODE_STORAGE:
            return has({BPF_FUNC_inode_storage_get, BPF_FUNC_inode_storage_delete, BPF_FUNC_kptr_xchg}, helper);
        case BPF_MAP_TYPE_TASK_STORAGE:
            return has({BPF_FUNC_task_storage_get, BPF_FUNC_task_storage_delete, BPF_FUNC_kptr_xchg}, helper);
        case abi::map_type_cgrp_storage:
            return has({cgrp_storage_get, cgrp_storage_delete, BPF_FUNC_kptr_xchg}, helper);
        case BPF_MAP_TYPE_BLOOM_FILTER:
            return has({BPF_FUNC_map_peek_elem, BPF_FUNC_map_push_elem}, helper);
        default:
            return true;
    }
}

// These helpers take maps of these types only.
bool helper_takes(uint32_t helper, uint32_t type) {
    switch (helper) {
        case BPF_FUNC_tail_call:
            return type == BPF_MAP_TYPE_PROG_ARRAY;
        case BPF_FUNC_perf_event_read:
        case BPF_FUNC_perf_event_output:
        case BPF_FUNC_perf_event_read_value:
        case BPF_FUNC_skb_output:
        case BPF_FUNC_xdp_output:
            return type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
        case BPF_FUNC_ringbuf_output:
        case BPF_FUNC_ringbuf_reserve:
        case BPF_FUNC_ringbuf_query:
        case BPF_FUNC_ringbuf_reserve_dynptr:
        case BPF_FUNC_ringbuf_submit_dynptr:
        case BPF_FUNC_ringbuf_discard_dynptr:
            return type == BPF_MAP_TYPE_RINGBUF;
        case BPF_FUNC_user_ringbuf_drain:
            return type == BPF_MAP_TYPE_USER_RINGBUF;
        case BPF_FUNC_get_stackid:
            return type == BPF_MAP_TYPE_STACK_TRACE;
        case BPF_FUNC_current_task_under_cgroup:
        case BPF_FUNC_skb_under_cgroup:
            return type == BPF_MAP_TYPE_CGROUP_ARRAY;
        case BPF_FUNC_redirect_map:
            return has({BPF_MAP_TYPE_DEVMAP, BPF_MAP_TYPE_DEVMAP_HASH, BPF_MAP_TYPE_CPUMAP, BPF_MAP_TYPE_XSKMAP}, type);
        case BPF_FUNC_sk_redirect_map:
        case BPF_FUNC_msg_redirect_map:
        case BPF_FUNC_sock_map_update:
            return type == BPF_MAP_TYPE_SOCKMAP;
        case BPF_FUNC_sk_redirect_hash:
        case BPF_FUNC_msg_redirect_hash:
        case BPF_FUNC_sock_hash_update:
            return type == BPF_MAP_TYPE_SOCKHASH;
        case BPF_FUNC_get_local_storage:
            return has({BPF_MAP_TYPE_CGROUP_STORAGE, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE}, type);
        case BPF_FUNC_sk_select_reuseport:
            return has({BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, BPF_MAP_TYPE_SOCKMAP, BPF_MAP_TYPE_SOCKHASH}, type);
        case BPF_FUNC_map_pop_elem:
            return has({BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK}, type);
        case BPF_FUNC_map_peek_elem:
        case BPF_FUNC_map_push_elem:
            return has({BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK, BPF_MAP_TYPE_BLOOM_FILTER}, type);
        case BPF_FUNC_map_lookup_percpu_elem:
            return has({BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH}, type);
        case BPF_FUNC_sk_storage_get:
        case BPF_FUNC_sk_storage_delete:
            return type == BPF_MAP_TYPE_SK_STORAGE;
        case BPF_FUNC_inode_storage_get:
        case BPF_FUNC_inode_storage_delete:
            return type == BPF_MAP_TYPE_INODE_STORAGE;
        case BPF_FUNC_task_storage_get:
        case BPF_FUNC_task_storage_delete:
            return type == BPF_MAP_TYPE_TASK_STORAGE;
        case cgrp_storage_get:
        case cgrp_storage_delete:
            return type == abi::map_type_cgrp_storage;
        default:
            return true;
    }
}

}  // namespace

Result<void> require_compatible(Env& env, const Helper& helper, uint32_t map_type) {
    if (type_takes(env, map_type, helper.id) && helper_takes(helper.id, map_type)) return {};
    return env.reject(EINVAL, "cannot pass map_type {} into func {}#{}", map_type, helper.name, helper.id);
}

}  // namespace graft::verify
