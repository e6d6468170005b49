// Dynptrs: 16 bytes of stack that only helpers read and write.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

// R`number` points to the place of a new one.  EINVAL: it is no place for one.
Result<void> make_dynptr(Walk& walk, uint32_t number, DynptrType type);
// R`number` points to one: what its first slot says.  EINVAL: it does not.
Result<Reg> require_dynptr(Walk& walk, uint32_t number);
// Before a write to a slot: a dynptr there is one no longer, and the memory that it gave out is gone.
void forget_dynptr(Walk& walk, Frame& frame, uint32_t slot);

}  // namespace graft::verify
