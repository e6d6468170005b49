// What attach_target must know of a program that is to be extended or traced, and of the one that does it.
#pragma once

#include "program/program.h"
#include "verify/attach_target.h"

namespace graft {

// Both borrow the program's BTF: the program must outlive them.
[[nodiscard]] TargetFacts target_facts(const Program& program);
// After its load.
[[nodiscard]] AttacherFacts attacher_facts(const Program& program);

}  // namespace graft
