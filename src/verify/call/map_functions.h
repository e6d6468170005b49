// Which helpers go with which map types.
#pragma once

#include "verify/env.h"

namespace graft::verify {

// EINVAL: this helper does not take a map of this type.
Result<void> require_compatible(Env& env, const Helper& helper, uint32_t map_type);

}  // namespace graft::verify
