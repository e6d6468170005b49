// tracing: fentry and fexit programs, which run before and after a function of another program.
//
// Their context is the traced function's arguments, so what they may read of it is the target's matter: verify/pointer/trace_ctx.cpp.
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

std::optional<CtxAccess> no_access(uint32_t, uint32_t, bool, uint32_t) { return std::nullopt; }

// Nobody uses what they return.
std::optional<ProgType::ReturnRange> return_range(uint32_t expected_attach_type) {
    if (expected_attach_type != BPF_TRACE_FENTRY && expected_attach_type != BPF_TRACE_FEXIT) return std::nullopt;
    return ProgType::ReturnRange{0, 0};
}

}  // namespace

const ProgType tracing_type = {.type = BPF_PROG_TYPE_TRACING,
                               .name = "tracing",
                               .ctx_struct = nullptr,
                               .kernel_ctx_struct = nullptr,
                               .ctx_access = no_access,
                               .convert_ctx_access = nullptr,
                               .allows_helper = tracing_has_helper,
                               .packet_access = false,
                               .packet_write = false,
                               .return_range = return_range,
                               .attachable = true,
                               .partly = nullptr};

}  // namespace graft
