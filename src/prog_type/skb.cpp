#include "prog_type/skb.h"

#include "abi/kernel_types.h"
#include "prog_type/context.h"

namespace graft::skb {
namespace {

using context::is_store;
using context::load;
using context::store_like;

constexpr uint32_t word = sizeof(uint32_t);
// Fields after 6.1's header: none; but its last one is followed by padding, which is not to be touched.
constexpr size_t tstamp_type_offset = offsetof(__sk_buff, tstamp_type);

bool in_address_fields(uint32_t offset) { return GRAFT_FIELDS(__sk_buff, remote_ip4, local_ip6).has(offset); }

// The program's own field in the control block: any part of it, at any size.
bpf_insn access_cb(const bpf_insn& insn) {
    const size_t offset =
        offsetof(abi::sk_buff, cb) + offsetof(abi::skb_control, data) + static_cast<size_t>(insn.off) - offsetof(__sk_buff, cb);
    bpf_insn moved = insn;
    moved.off = static_cast<int16_t>(offset);
    return moved;
}

#define GRAFT_CONTROL(insn, member)                                                                                                       \
    (is_store(insn) ? store_like(insn, sizeof(abi::skb_control::member), offsetof(abi::sk_buff, cb) + offsetof(abi::skb_control, member)) \
                    : load(sizeof(abi::skb_control::member), (insn).dst_reg, (insn).src_reg,                                              \
                           offsetof(abi::sk_buff, cb) + offsetof(abi::skb_control, member)))

// A queue that does not exist is not stored.
std::vector<bpf_insn> access_queue_mapping(const bpf_insn& insn) {
    constexpr int32_t no_queue = 0xffff;
    const bpf_insn access = GRAFT_MEMBER(insn, abi::sk_buff, queue_mapping);
    if (BPF_CLASS(insn.code) == BPF_STX) return {bpf_insn{BPF_JMP | BPF_JGE | BPF_K, insn.src_reg, 0, 1, no_queue}, access};
    // An immediate is the number that a register would hold: sign-extended, compared unsigned.
    if (BPF_CLASS(insn.code) == BPF_ST && (insn.imm < 0 || insn.imm >= no_queue)) return {bpf_insn{BPF_JMP | BPF_JA, 0, 0, 0, 0}};
    return {access};
}

// 0 where the buffer came from no device.
std::vector<bpf_insn> load_ifindex(const bpf_insn& insn) {
    const unsigned dst = insn.dst_reg;
    return {load(8, dst, insn.src_reg, offsetof(abi::sk_buff, dev)), bpf_insn{BPF_JMP | BPF_JEQ | BPF_K, insn.dst_reg, 0, 1, 0},
            load(4, dst, dst, offsetof(abi::net_device, ifindex))};
}

}  // namespace

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write) {
    if (offset >= sizeof(__sk_buff) || offset % size != 0) return std::nullopt;
    if (const auto cb = GRAFT_FIELD(__sk_buff, cb); cb.has(offset)) {
        if (offset + size > cb.offset + cb.size) return std::nullopt;
        return CtxAccess{};
    }
    const auto whole = [&](size_t bytes, CtxField field = CtxField::scalar) -> std::optional<CtxAccess> {
        if (size != bytes) return std::nullopt;
        return CtxAccess{.field = field};
    };
    if (GRAFT_FIELD(__sk_buff, data).has(offset)) return whole(word, CtxField::packet);
    if (GRAFT_FIELD(__sk_buff, data_meta).has(offset)) return whole(word, CtxField::packet_meta);
    if (GRAFT_FIELD(__sk_buff, data_end).has(offset)) return whole(word, CtxField::packet_end);
    if (in_address_fields(offset)) return whole(word);
    if (GRAFT_FIELD(__sk_buff, tstamp).has(offset)) return whole(sizeof(uint64_t));
    if (GRAFT_FIELD(__sk_buff, hwtstamp).has(offset)) return is_write ? std::nullopt : whole(sizeof(uint64_t));
    if (GRAFT_FIELD(__sk_buff, sk).has(offset)) return is_write ? std::nullopt : whole(sizeof(uint64_t), CtxField::sock_common_or_null);
    if (GRAFT_FIELD(__sk_buff, flow_keys).has(offset)) return std::nullopt;
    if (offset >= tstamp_type_offset && offset < offsetof(__sk_buff, hwtstamp)) return std::nullopt;
    return is_write ? whole(word) : context::narrow_read(size, word);
}

std::vector<bpf_insn> convert(const bpf_insn& insn) {
    if (GRAFT_FIELD(__sk_buff, cb).has(static_cast<uint32_t>(insn.off))) return {access_cb(insn)};
    switch (insn.off) {
        case offsetof(__sk_buff, len):
            return {GRAFT_MEMBER(insn, abi::sk_buff, len)};
        case offsetof(__sk_buff, pkt_type):
            return {GRAFT_MEMBER(insn, abi::sk_buff, pkt_type)};
        case offsetof(__sk_buff, mark):
            return {GRAFT_MEMBER(insn, abi::sk_buff, mark)};
        case offsetof(__sk_buff, queue_mapping):
            return access_queue_mapping(insn);
        case offsetof(__sk_buff, protocol):
            return {GRAFT_MEMBER(insn, abi::sk_buff, protocol)};
        case offsetof(__sk_buff, vlan_present):
            return {GRAFT_MEMBER(insn, abi::sk_buff, vlan_present)};
        case offsetof(__sk_buff, vlan_tci):
            return {GRAFT_MEMBER(insn, abi::sk_buff, vlan_tci)};
        case offsetof(__sk_buff, vlan_proto):
            return {GRAFT_MEMBER(insn, abi::sk_buff, vlan_proto)};
        case offsetof(__sk_buff, priority):
            return {GRAFT_MEMBER(insn, abi::sk_buff, priority)};
        case offsetof(__sk_buff, ingress_ifindex):
            return {GRAFT_MEMBER(insn, abi::sk_buff, skb_iif)};
        case offsetof(__sk_buff, ifindex):
            return load_ifindex(insn);
        case offsetof(__sk_buff, tc_index):
            return {GRAFT_MEMBER(insn, abi::sk_buff, tc_index)};
        case offsetof(__sk_buff, hash):
            return {GRAFT_MEMBER(insn, abi::sk_buff, hash)};
        case offsetof(__sk_buff, tc_classid):
            return {GRAFT_CONTROL(insn, tc_classid)};
        case offsetof(__sk_buff, data):
            return {GRAFT_MEMBER(insn, abi::sk_buff, data)};
        case offsetof(__sk_buff, data_end):
            return {GRAFT_CONTROL(insn, data_end)};
        case offsetof(__sk_buff, data_meta):
            return {GRAFT_CONTROL(insn, data_meta)};
        case offsetof(__sk_buff, napi_id):
            return {GRAFT_MEMBER(insn, abi::sk_buff, napi_id)};
        case offsetof(__sk_buff, tstamp):
            return {GRAFT_MEMBER(insn, abi::sk_buff, tstamp)};
        case offsetof(__sk_buff, wire_len):
            return {GRAFT_CONTROL(insn, pkt_len)};
        case offsetof(__sk_buff, gso_segs):
            return {GRAFT_MEMBER(insn, abi::sk_buff, gso_segs)};
        case offsetof(__sk_buff, gso_size):
            return {GRAFT_MEMBER(insn, abi::sk_buff, gso_size)};
        case offsetof(__sk_buff, sk):
            return {GRAFT_MEMBER(insn, abi::sk_buff, sk)};
        case tstamp_type_offset:
            return {GRAFT_MEMBER(insn, abi::sk_buff, tstamp_type)};
        default:  // hwtstamp
            return {GRAFT_MEMBER(insn, abi::sk_buff, hwtstamp)};
    }
}

}  // namespace graft::skb
