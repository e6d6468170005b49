// The parts of check_debug_info().
#pragma once

#include "verify/env.h"

namespace graft::verify {

Result<void> check_functions_without_btf(Env& env);
Result<void> check_func_info(Env& env);
Result<void> check_line_info(Env& env);
Result<void> check_core_relos(Env& env);

}  // namespace graft::verify
