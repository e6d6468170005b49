// What attach_target must know of a program that is to be extended or traced.
#pragma once

#include "program/program.h"
#include "verify/attach_target.h"

namespace graft {

// Borrows the program's BTF: the program must outlive it.
[[nodiscard]] TargetFacts target_facts(const Program& program);

}  // namespace graft
