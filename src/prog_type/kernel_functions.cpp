// lsm and struct_ops: programs in the place of functions of the kernel, or beside them.  graft's kernel has none that it calls.
//
// Their context is the function's arguments, so what they may read of it is verify/pointer/trace_ctx.cpp's matter.
#include "prog_type/prog_types.h"

namespace graft {
namespace {

std::optional<CtxAccess> no_access(uint32_t, uint32_t, bool, uint32_t) { return std::nullopt; }
bool no_helper(uint32_t, uint32_t) { return false; }

constexpr ProgType function_type(uint32_t type, const char* name, const char* partly) {
    return {.type = type,
            .name = name,
            .ctx_struct = nullptr,
            .kernel_ctx_struct = nullptr,
            .ctx_access = no_access,
            .convert_ctx_access = nullptr,
            .allows_helper = no_helper,
            .packet_access = false,
            .packet_write = false,
            .return_range = nullptr,
            .attachable = false,
            .partly = partly};
}

}  // namespace

const ProgType lsm_type = function_type(BPF_PROG_TYPE_LSM, "lsm", "for probes only: graft has no security hooks");
// Linux's bpf_dummy_ops allows no helper.
const ProgType struct_ops_type =
    function_type(BPF_PROG_TYPE_STRUCT_OPS, "struct_ops", "it is verified, for bpf_dummy_ops; nothing can be registered");

}  // namespace graft
