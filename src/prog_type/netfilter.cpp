// netfilter: packets at the hooks of the host's netfilter, which graft does not have.
//
// Their context is two pointers into the kernel: verify/pointer/trace_ctx.cpp knows to what.
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

std::optional<CtxAccess> no_access(uint32_t, uint32_t, bool, uint32_t) { return std::nullopt; }
// NF_DROP, NF_ACCEPT.
std::optional<ProgType::ReturnRange> return_range(uint32_t) { return ProgType::ReturnRange{0, 1}; }

}  // namespace

const ProgType netfilter_type = {.type = abi::prog_type_netfilter,
                                 .name = "netfilter",
                                 .ctx_struct = "bpf_nf_ctx",
                                 .kernel_ctx_struct = "bpf_nf_ctx",
                                 .ctx_access = no_access,
                                 .convert_ctx_access = nullptr,
                                 .allows_helper = netfilter_has_helper,
                                 .packet_access = false,
                                 .packet_write = false,
                                 .return_range = return_range,
                                 .attachable = false,
                                 .partly = "for probes only: it is verified, but netfilter is the host's"};

}  // namespace graft
