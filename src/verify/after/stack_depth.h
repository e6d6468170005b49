// check_stack_depth(): how much stack every chain of calls takes, once the walk knows what each function takes.
//
// Frames are counted in multiples of 16 bytes, as the JITs of Linux do.  Marks what can reach a tail call.
// Errno: EACCES (more than 512 bytes; more than 256 before a function that makes tail calls), E2BIG (more than 8 frames: recursion ends
// here too).
#pragma once

#include "verify/env.h"

namespace graft::verify {

Result<void> check_stack_depth(Env& env);

}  // namespace graft::verify
