// The helpers that graft has, by number: the families' rows joined.

#include <algorithm>
#include <array>
#include <vector>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/kfuncs.h"
#include "helper/skb_load.h"

namespace graft {
namespace {

#define GRAFT_NAME(name) "bpf_" #name
constexpr std::array names = {__BPF_FUNC_MAPPER(GRAFT_NAME)};
#undef GRAFT_NAME
// After 6.1; 6.12 has no further.
constexpr std::array later_names = {"bpf_cgrp_storage_get", "bpf_cgrp_storage_delete"};
static_assert(names.size() == 210);

std::vector<const Helper*> join() {
    std::vector<const Helper*> all;
    for (const auto family :
         {map_helpers(), task_helpers(), time_helpers(), lock_helpers(), memory_helpers(), text_helpers(), checksum_helpers(),
          tail_call_helpers(), xdp_helpers(), redirect_helpers(), skb_helpers(), socket_helpers(), ringbuf_helpers(), dynptr_helpers(),
          trace_helpers(), output_helpers(), callback_helpers(), timer_helpers(), client_helpers()}) {
        for (const Helper& helper : family) all.push_back(&helper);
    }
    std::ranges::sort(all, {}, &Helper::id);
    return all;
}

const std::vector<const Helper*>& by_id() {
    static const std::vector<const Helper*> table = join();
    return table;
}

}  // namespace

std::span<const Helper* const> helpers() { return by_id(); }

const Helper* find_helper(uint32_t id) {
    const auto found = std::ranges::lower_bound(by_id(), id, {}, &Helper::id);
    if (found != by_id().end() && (*found)->id == id) return *found;
    for (const Helper& operation : skb_load_operations()) {
        if (operation.id == id) return &operation;
    }
    return find_kfunc(id);
}

const char* helper_name(uint32_t id) {
    if (id < names.size()) return names[id];
    return id - names.size() < later_names.size() ? later_names[id - names.size()] : nullptr;
}

}  // namespace graft
