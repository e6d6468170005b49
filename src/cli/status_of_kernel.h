// What the running kernel says of itself.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace graft::cli {

// ENOENT: no kernel runs.
Result<nlohmann::json> fetch_status();

}  // namespace graft::cli
