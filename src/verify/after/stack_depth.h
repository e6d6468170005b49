// The stack that the deepest chain of calls takes.
#pragma once

#include "verify/env.h"

namespace graft::verify {

// EACCES: more than 512 bytes, or a tail call with 256 or more above it.  E2BIG: more than 8 frames.  Sets Function::tail_call_reachable.
Result<void> check_stack_depth(Env& env);

}  // namespace graft::verify
