#include "verify/env.h"

#include <algorithm>

#include "helper/kfuncs.h"

namespace graft::verify {

uint32_t Env::function_of(uint32_t index) const {
    const auto after = std::upper_bound(functions.begin(), functions.end(), index,
                                        [](uint32_t insn, const Function& function) { return insn < function.start; });
    return static_cast<uint32_t>(after - functions.begin()) - 1;
}

int Env::function_at(uint32_t index) const {
    const auto end = functions.end() - 1;  // the sentinel starts no function
    const auto found =
        std::lower_bound(functions.begin(), end, index, [](const Function& function, uint32_t insn) { return function.start < insn; });
    return found != end && found->start == index ? static_cast<int>(found - functions.begin()) : -1;
}

const Helper* kfunc_of(const Env& env, const bpf_insn& insn) {
    if (env.request.vmlinux == nullptr || insn.off != 0) return nullptr;
    const auto function = env.request.vmlinux->find_type(static_cast<uint32_t>(insn.imm));
    return function && function->is(BTF_KIND_FUNC) ? find_kfunc(function->name()) : nullptr;
}

}  // namespace graft::verify
