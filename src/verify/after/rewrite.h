// rewrite(): the program that engines run, from the one that was walked.
#pragma once

#include "verify/env.h"

namespace graft::verify {

// What no path reached is removed, context accesses become accesses of graft's own layouts, references become addresses and function
// numbers (see VerifiedProgram).  Leaves Env's instructions as the engines' ones.  EFAULT, EINVAL: a context access that cannot be
// converted.
Result<VerifiedProgram> rewrite(Env& env);

}  // namespace graft::verify
