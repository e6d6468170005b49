// bpf_tail_call: engines do it themselves; this is what the verifier must know of it.

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"

namespace graft {
namespace {

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_tail_call,
     .name = "bpf_tail_call",
     .ret = Ret::nothing,
     .args = {Arg::ctx, Arg::const_map_ptr, Arg::anything},
     .changes_packet = true},  // the callee may
});

}  // namespace

std::span<const Helper> tail_call_helpers() { return rows; }

}  // namespace graft
