// syscall: programs that a client runs itself, with memory of its own as the context.
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

// How long the context is shows at the run.
std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool, uint32_t) {
    if (offset >= UINT16_MAX || offset % size != 0) return std::nullopt;
    return CtxAccess{};
}

}  // namespace

const ProgType syscall_type = {.type = BPF_PROG_TYPE_SYSCALL,
                               .name = "syscall",
                               .ctx_struct = nullptr,
                               .kernel_ctx_struct = nullptr,
                               .ctx_access = ctx_access,
                               .convert_ctx_access = nullptr,
                               .allows_helper = syscall_has_helper,
                               .packet_access = false,
                               .packet_write = false,
                               .return_range = nullptr,
                               .attachable = true,
                               .partly = nullptr};

}  // namespace graft
