// The families of helpers: a file each, joined by helpers.cpp.
#pragma once

#include <span>

#include "helper/helper.h"

namespace graft {

[[nodiscard]] std::span<const Helper> map_helpers();
[[nodiscard]] std::span<const Helper> generic_helpers();
[[nodiscard]] std::span<const Helper> xdp_helpers();

}  // namespace graft
