// The engines of this build, and which of them a Kernel takes.
#pragma once

#include <span>

#include "engine/engine.h"

namespace graft {

// Machine code for x86-64.
[[nodiscard]] const Engine& x86_64_jit();
// Whether the host lets this process execute what it writes.
[[nodiscard]] bool x86_64_jit_works();

// Those that run here.  The first is the default.
[[nodiscard]] std::span<const Engine* const> engines();

// The default, unless the environment's GRAFT_ENGINE names another.  EINVAL: it names none.
[[nodiscard]] Result<const Engine*> chosen_engine();

}  // namespace graft
