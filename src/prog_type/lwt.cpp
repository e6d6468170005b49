// lwt_in, lwt_out, lwt_xmit, lwt_seg6local: packets on a route of the host's, from the IP header on.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/skb.h"

namespace graft {
namespace {

bool is_hidden(uint32_t offset) {
    return GRAFT_FIELD(__sk_buff, tc_classid).has(offset) || GRAFT_FIELDS(__sk_buff, family, local_port).has(offset) ||
           GRAFT_FIELD(__sk_buff, data_meta).has(offset) || GRAFT_FIELD(__sk_buff, tstamp).has(offset) ||
           GRAFT_FIELD(__sk_buff, wire_len).has(offset) || GRAFT_FIELD(__sk_buff, hwtstamp).has(offset);
}

bool may_write(uint32_t offset) {
    return GRAFT_FIELD(__sk_buff, mark).has(offset) || GRAFT_FIELD(__sk_buff, priority).has(offset) ||
           GRAFT_FIELD(__sk_buff, cb).has(offset);
}

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    if (is_hidden(offset) || (is_write && !may_write(offset))) return std::nullopt;
    return skb::ctx_access(offset, size, is_write);
}

enum class Packet { read_only, writable };
constexpr ProgType lwt_type(uint32_t type, const char* name, bool (*allows_helper)(uint32_t, uint32_t), Packet packet) {
    return {.type = type,
            .name = name,
            .ctx_struct = "__sk_buff",
            .kernel_ctx_struct = "sk_buff",
            .ctx_access = ctx_access,
            .convert_ctx_access = skb::convert,
            .allows_helper = allows_helper,
            .packet_access = true,
            .packet_write = packet == Packet::writable,
            .return_range = nullptr,
            .attachable = false,
            .partly = "for probes and BPF_PROG_TEST_RUN only: routes are the host's"};
}

}  // namespace

const ProgType lwt_in_type = lwt_type(BPF_PROG_TYPE_LWT_IN, "lwt_in", lwt_in_has_helper, Packet::read_only);
const ProgType lwt_out_type = lwt_type(BPF_PROG_TYPE_LWT_OUT, "lwt_out", lwt_out_has_helper, Packet::read_only);
const ProgType lwt_xmit_type = lwt_type(BPF_PROG_TYPE_LWT_XMIT, "lwt_xmit", lwt_xmit_has_helper, Packet::writable);
const ProgType lwt_seg6local_type = lwt_type(BPF_PROG_TYPE_LWT_SEG6LOCAL, "lwt_seg6local", lwt_seg6local_has_helper, Packet::read_only);

}  // namespace graft
