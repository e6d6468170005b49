// socket_filter: how much of a frame a socket gets.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/skb.h"

namespace graft {
namespace {

bool is_hidden(uint32_t offset) {
    return GRAFT_FIELD(__sk_buff, tc_classid).has(offset) || GRAFT_FIELD(__sk_buff, data).has(offset) ||
           GRAFT_FIELD(__sk_buff, data_meta).has(offset) || GRAFT_FIELD(__sk_buff, data_end).has(offset) ||
           GRAFT_FIELDS(__sk_buff, family, local_port).has(offset) || GRAFT_FIELD(__sk_buff, tstamp).has(offset) ||
           GRAFT_FIELD(__sk_buff, wire_len).has(offset) || GRAFT_FIELD(__sk_buff, hwtstamp).has(offset);
}

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    if (is_hidden(offset) || (is_write && !GRAFT_FIELD(__sk_buff, cb).has(offset))) return std::nullopt;
    return skb::ctx_access(offset, size, is_write);
}

}  // namespace

const ProgType socket_filter_type = {.type = BPF_PROG_TYPE_SOCKET_FILTER,
                                     .name = "socket_filter",
                                     .ctx_struct = "__sk_buff",
                                     .kernel_ctx_struct = "sk_buff",
                                     .ctx_access = ctx_access,
                                     .convert_ctx_access = skb::convert,
                                     .allows_helper = socket_filter_has_helper,
                                     .packet_access = false,
                                     .packet_write = false,
                                     .return_range = nullptr,
                                     .attachable = false,
                                     .partly = "for probes and BPF_PROG_TEST_RUN only: sockets are the host's"};

}  // namespace graft
