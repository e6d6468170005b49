// What the running kernel says of itself.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace graft::cli {

// ENOENT: no kernel runs.
Result<nlohmann::json> fetch_status();

// One port in lines for people: its two ends, and what is attached to each.
void print_port(const nlohmann::json& port);

}  // namespace graft::cli
