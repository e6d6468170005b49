// cgroup_skb: packets of a cgroup's sockets, in or out; its programs see them from the IP header on.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/skb.h"

namespace graft {
namespace {

bool may_write(uint32_t offset) {
    return GRAFT_FIELD(__sk_buff, mark).has(offset) || GRAFT_FIELD(__sk_buff, priority).has(offset) ||
           GRAFT_FIELD(__sk_buff, cb).has(offset) || GRAFT_FIELD(__sk_buff, tstamp).has(offset);
}

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    if (GRAFT_FIELD(__sk_buff, tc_classid).has(offset) || GRAFT_FIELD(__sk_buff, data_meta).has(offset) ||
        GRAFT_FIELD(__sk_buff, wire_len).has(offset)) {
        return std::nullopt;
    }
    if (is_write && !may_write(offset)) return std::nullopt;
    return skb::ctx_access(offset, size, is_write);
}

// On the way out the second bit says that the network is congested.
std::optional<ProgType::ReturnRange> return_range(uint32_t attach_type) {
    return ProgType::ReturnRange{0, attach_type == BPF_CGROUP_INET_EGRESS ? 3 : 1};
}

}  // namespace

const ProgType cgroup_skb_type = {.type = BPF_PROG_TYPE_CGROUP_SKB,
                                  .name = "cgroup_skb",
                                  .ctx_struct = "__sk_buff",
                                  .kernel_ctx_struct = "sk_buff",
                                  .ctx_access = ctx_access,
                                  .convert_ctx_access = skb::convert,
                                  .allows_helper = cgroup_skb_has_helper,
                                  .packet_access = true,
                                  .packet_write = false,
                                  .return_range = return_range,
                                  .attachable = false,
                                  .partly = "attached to a cgroup, nothing enters it: sockets are the host's; BPF_PROG_TEST_RUN does"};

}  // namespace graft
