// tc: sched_cls and sched_act, whose programs see, change and redirect a frame on its way through a device's queueing.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/skb.h"

namespace graft {
namespace {

bool may_write(uint32_t offset) {
    return GRAFT_FIELD(__sk_buff, mark).has(offset) || GRAFT_FIELD(__sk_buff, tc_index).has(offset) ||
           GRAFT_FIELD(__sk_buff, priority).has(offset) || GRAFT_FIELD(__sk_buff, tc_classid).has(offset) ||
           GRAFT_FIELD(__sk_buff, cb).has(offset) || GRAFT_FIELD(__sk_buff, tstamp).has(offset) ||
           GRAFT_FIELD(__sk_buff, queue_mapping).has(offset);
}

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    if (is_write && !may_write(offset)) return std::nullopt;
    if (GRAFT_FIELDS(__sk_buff, family, local_port).has(offset)) return std::nullopt;
    if (offset == offsetof(__sk_buff, tstamp_type)) return size == 1 ? std::optional<CtxAccess>(CtxAccess{}) : std::nullopt;
    return skb::ctx_access(offset, size, is_write);
}

constexpr ProgType tc_type(uint32_t type, const char* name) {
    return {.type = type,
            .name = name,
            .ctx_struct = "__sk_buff",
            .kernel_ctx_struct = "sk_buff",
            .ctx_access = ctx_access,
            .convert_ctx_access = skb::convert,
            .allows_helper = sched_cls_has_helper,
            .packet_access = true,
            .packet_write = true,
            .return_range = nullptr,
            .attachable = false,
            .partly = "for probes and BPF_PROG_TEST_RUN only: no tc hook yet"};
}

}  // namespace

const ProgType sched_cls_type = tc_type(BPF_PROG_TYPE_SCHED_CLS, "sched_cls");
const ProgType sched_act_type = tc_type(BPF_PROG_TYPE_SCHED_ACT, "sched_act");

}  // namespace graft
