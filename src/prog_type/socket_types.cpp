// Programs at sockets of the host, which graft has none of: they are verified, and run only under BPF_PROG_TEST_RUN where Linux does that.
//
// sock_ops, sk_skb, sk_msg, sk_reuseport, sk_lookup, flow_dissector, and netfilter.
#include <array>

#include "prog_type/field_table.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/skb.h"

namespace graft {
namespace {

using context::access_by_table;
using context::Field;
using context::FieldRule;
using Read = FieldRule::Read;
using Write = FieldRule::Write;

constexpr uint32_t half = 2, word = 4, wide = 8;
constexpr const char* for_probes = "for probes only: it is verified, but sockets are the host's";

std::optional<ProgType::ReturnRange> zero_or_one(uint32_t) { return ProgType::ReturnRange{0, 1}; }

// --- sock_ops ----------------------------------------------------------------------------------------------------------------------------

constexpr Field skb_hwtstamp = {216, 8};  // after 6.1

constexpr auto sock_ops_fields = std::to_array<FieldRule>({
    {GRAFT_FIELD(bpf_sock_ops, op), word},
    {GRAFT_FIELD(bpf_sock_ops, reply), word, Read::whole, Write::whole},
    {Field{offsetof(bpf_sock_ops, reply) + word, offsetof(bpf_sock_ops, sk_txhash) - offsetof(bpf_sock_ops, reply) - word}, word},
    {GRAFT_FIELD(bpf_sock_ops, sk_txhash), word, Read::whole, Write::whole},
    {GRAFT_FIELDS(bpf_sock_ops, bytes_received, bytes_acked), wide},
    {Field{offsetof(bpf_sock_ops, sk), wide}, wide, Read::whole, Write::none, CtxField::sock_or_null},
    {Field{offsetof(bpf_sock_ops, skb_data), wide}, wide, Read::whole, Write::none, CtxField::packet},
    {Field{offsetof(bpf_sock_ops, skb_data_end), wide}, wide, Read::whole, Write::none, CtxField::packet_end},
    {GRAFT_FIELD(bpf_sock_ops, skb_len), word},
    {GRAFT_FIELD(bpf_sock_ops, skb_tcp_flags), word, Read::parts},
    {skb_hwtstamp, wide},
});
std::optional<CtxAccess> sock_ops_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    // In parts, but from its first byte on.
    constexpr auto flags = GRAFT_FIELD(bpf_sock_ops, skb_tcp_flags);
    if (flags.has(offset) && offset != flags.offset) return std::nullopt;
    return access_by_table(sock_ops_fields, offset, size, is_write);
}

// --- sk_skb ------------------------------------------------------------------------------------------------------------------------------

std::optional<CtxAccess> sk_skb_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    const bool hidden = GRAFT_FIELD(__sk_buff, tc_classid).has(offset) || GRAFT_FIELD(__sk_buff, data_meta).has(offset) ||
                        GRAFT_FIELD(__sk_buff, tstamp).has(offset) || GRAFT_FIELD(__sk_buff, wire_len).has(offset) ||
                        GRAFT_FIELD(__sk_buff, hwtstamp).has(offset) || GRAFT_FIELD(__sk_buff, mark).has(offset);
    const bool may_write = GRAFT_FIELD(__sk_buff, tc_index).has(offset) || GRAFT_FIELD(__sk_buff, priority).has(offset);
    if (hidden || (is_write && !may_write)) return std::nullopt;
    return skb::ctx_access(offset, size, is_write);
}

// --- sk_msg ------------------------------------------------------------------------------------------------------------------------------

constexpr auto sk_msg_fields = std::to_array<FieldRule>({
    {Field{offsetof(sk_msg_md, data), wide}, wide, Read::whole, Write::none, CtxField::packet},
    {Field{offsetof(sk_msg_md, data_end), wide}, wide, Read::whole, Write::none, CtxField::packet_end},
    {GRAFT_FIELDS(sk_msg_md, family, size), word},
    {Field{offsetof(sk_msg_md, sk), wide}, wide, Read::whole, Write::none, CtxField::sock},
});
std::optional<CtxAccess> sk_msg_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return access_by_table(sk_msg_fields, offset, size, is_write);
}

// --- sk_reuseport ------------------------------------------------------------------------------------------------------------------------

constexpr auto sk_reuseport_fields = std::to_array<FieldRule>({
    {Field{offsetof(sk_reuseport_md, data), wide}, wide, Read::whole, Write::none, CtxField::packet},
    {Field{offsetof(sk_reuseport_md, data_end), wide}, wide, Read::whole, Write::none, CtxField::packet_end},
    {GRAFT_FIELD(sk_reuseport_md, len), word, Read::parts},
    {GRAFT_FIELD(sk_reuseport_md, eth_protocol), word, Read::parts},
    {GRAFT_FIELDS(sk_reuseport_md, ip_protocol, bind_inany), word, Read::parts},
    {GRAFT_FIELD(sk_reuseport_md, hash), word},
    {Field{offsetof(sk_reuseport_md, sk), wide}, wide, Read::whole, Write::none, CtxField::sock},
    {Field{offsetof(sk_reuseport_md, migrating_sk), wide}, wide, Read::whole, Write::none, CtxField::sock_common_or_null},
});
std::optional<CtxAccess> sk_reuseport_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    // A protocol has two bytes; one of them is no number.
    if (GRAFT_FIELD(sk_reuseport_md, eth_protocol).has(offset) && size < half) return std::nullopt;
    return access_by_table(sk_reuseport_fields, offset, size, is_write);
}

// --- sk_lookup ---------------------------------------------------------------------------------------------------------------------------

constexpr auto sk_lookup_fields = std::to_array<FieldRule>({
    {Field{0, wide}, wide, Read::whole, Write::none, CtxField::sock_or_null},
    {GRAFT_FIELDS(bpf_sk_lookup, family, remote_ip6), word, Read::parts},
    {GRAFT_FIELDS(bpf_sk_lookup, local_ip4, ingress_ifindex), word, Read::parts},
});
std::optional<CtxAccess> sk_lookup_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    // The port and the padding behind it: as the number they are in older programs, or in parts.
    constexpr auto port =
        Field{offsetof(bpf_sk_lookup, remote_port), offsetof(bpf_sk_lookup, local_ip4) - offsetof(bpf_sk_lookup, remote_port)};
    if (!port.has(offset)) return access_by_table(sk_lookup_fields, offset, size, is_write);
    if (is_write || offset % size != 0) return std::nullopt;
    if (offset == port.offset && size == word) return CtxAccess{};
    return context::narrow_read(size, half);
}

// --- flow_dissector ----------------------------------------------------------------------------------------------------------------------

constexpr auto flow_dissector_fields = std::to_array<FieldRule>({
    {GRAFT_FIELD(__sk_buff, data), word, Read::whole, Write::none, CtxField::packet},
    {GRAFT_FIELD(__sk_buff, data_end), word, Read::whole, Write::none, CtxField::packet_end},
    {Field{offsetof(__sk_buff, flow_keys), wide}, wide, Read::whole, Write::none, CtxField::flow_keys},
});
std::optional<CtxAccess> flow_dissector_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return access_by_table(flow_dissector_fields, offset, size, is_write);
}

constexpr ProgType socket_type(uint32_t type, const char* name, const char* ctx, const char* kernel_ctx,
                               std::optional<CtxAccess> (*access)(uint32_t, uint32_t, bool, uint32_t), bool (*helper)(uint32_t, uint32_t)) {
    return {.type = type,
            .name = name,
            .ctx_struct = ctx,
            .kernel_ctx_struct = kernel_ctx,
            .ctx_access = access,
            .convert_ctx_access = nullptr,
            .allows_helper = helper,
            .packet_access = true,
            .packet_write = type == BPF_PROG_TYPE_SK_SKB || type == BPF_PROG_TYPE_SK_MSG,
            .return_range = type == BPF_PROG_TYPE_SOCK_OPS || type == BPF_PROG_TYPE_SK_LOOKUP ? zero_or_one : nullptr,
            .attachable = false,
            .partly = for_probes};
}

}  // namespace

const ProgType sock_ops_type =
    socket_type(BPF_PROG_TYPE_SOCK_OPS, "sock_ops", "bpf_sock_ops", "bpf_sock_ops_kern", sock_ops_access, sock_ops_has_helper);
const ProgType sk_skb_type = socket_type(BPF_PROG_TYPE_SK_SKB, "sk_skb", "__sk_buff", "sk_buff", sk_skb_access, sk_skb_has_helper);
const ProgType sk_msg_type = socket_type(BPF_PROG_TYPE_SK_MSG, "sk_msg", "sk_msg_md", "sk_msg", sk_msg_access, sk_msg_has_helper);
const ProgType sk_reuseport_type = socket_type(BPF_PROG_TYPE_SK_REUSEPORT, "sk_reuseport", "sk_reuseport_md", "sk_reuseport_kern",
                                               sk_reuseport_access, sk_reuseport_has_helper);
const ProgType sk_lookup_type =
    socket_type(BPF_PROG_TYPE_SK_LOOKUP, "sk_lookup", "bpf_sk_lookup", "bpf_sk_lookup_kern", sk_lookup_access, sk_lookup_has_helper);
const ProgType flow_dissector_type = socket_type(BPF_PROG_TYPE_FLOW_DISSECTOR, "flow_dissector", "__sk_buff", "bpf_flow_dissector",
                                                 flow_dissector_access, flow_dissector_has_helper);

}  // namespace graft
