// XDP: a frame as it arrives, before the stack.
#include "abi/kernel_types.h"
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

using context::load;

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t expected_attach_type) {
    if (is_write || offset >= sizeof(xdp_md) || offset % size != 0 || size != sizeof(uint32_t)) return std::nullopt;
    switch (offset) {
        case offsetof(xdp_md, data):
            return CtxAccess{.field = CtxField::packet};
        case offsetof(xdp_md, data_meta):
            return CtxAccess{.field = CtxField::packet_meta};
        case offsetof(xdp_md, data_end):
            return CtxAccess{.field = CtxField::packet_end};
        case offsetof(xdp_md, egress_ifindex):  // there is one only where a devmap sends
            if (expected_attach_type != BPF_XDP_DEVMAP) return std::nullopt;
            [[fallthrough]];
        default:
            return CtxAccess{};
    }
}

std::vector<bpf_insn> convert(const bpf_insn& insn) {
    const unsigned dst = insn.dst_reg, src = insn.src_reg;
    switch (insn.off) {
        case offsetof(xdp_md, data):
            return {GRAFT_MEMBER(insn, abi::xdp_buff, data)};
        case offsetof(xdp_md, data_end):
            return {GRAFT_MEMBER(insn, abi::xdp_buff, data_end)};
        case offsetof(xdp_md, data_meta):
            return {GRAFT_MEMBER(insn, abi::xdp_buff, data_meta)};
        case offsetof(xdp_md, ingress_ifindex):
            return {load(8, dst, src, offsetof(abi::xdp_buff, rxq)), load(8, dst, dst, offsetof(abi::xdp_rxq_info, dev)),
                    load(4, dst, dst, offsetof(abi::net_device, ifindex))};
        case offsetof(xdp_md, rx_queue_index):
            return {load(8, dst, src, offsetof(abi::xdp_buff, rxq)), load(4, dst, dst, offsetof(abi::xdp_rxq_info, queue_index))};
        default:  // egress_ifindex
            return {load(8, dst, src, offsetof(abi::xdp_buff, txq)), load(8, dst, dst, offsetof(abi::xdp_txq_info, dev)),
                    load(4, dst, dst, offsetof(abi::net_device, ifindex))};
    }
}

}  // namespace

const ProgType xdp_type = {.type = BPF_PROG_TYPE_XDP,
                           .name = "xdp",
                           .ctx_struct = "xdp_md",
                           .kernel_ctx_struct = "xdp_buff",
                           .ctx_access = ctx_access,
                           .convert_ctx_access = convert,
                           .allows_helper = xdp_has_helper,
                           .packet_access = true,
                           .packet_write = true,
                           .return_range = nullptr,
                           .attachable = true,
                           .partly = nullptr};

}  // namespace graft
