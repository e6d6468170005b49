// What a client may see of a program's instructions: no addresses of this process.
#pragma once

#include <vector>

#include "program/program.h"

namespace graft {

// The instructions as engines run them, with map ids in the place of map addresses, relative calls as bpf_prog_info shows them, and
// function numbers resolved.  One for each of code().insns.
[[nodiscard]] std::vector<bpf_insn> dump_instructions(const Program& program);

}  // namespace graft
