// bpf_throw: the engines have operations of their own for it (engine/operation.h).

#include <array>

#include "helper/kfuncs.h"

namespace graft {
namespace {

constexpr auto rows = std::to_array<Helper>({
    {.id = throw_kfunc, .name = "bpf_throw", .function = nullptr, .ret = Ret::nothing, .args = {Arg::scalar}},
});

}  // namespace

std::span<const Helper> exception_kfuncs() { return rows; }

}  // namespace graft
