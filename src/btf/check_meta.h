// The first pass of the BTF check: is each type well formed by itself?  What it refers to is the second pass's matter (resolve.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "btf/check_log.h"

namespace graft {

// `type` has its 12 bytes, and `left` further bytes follow in the section.  Returns how many of them belong to it, and logs the type.
Result<uint32_t> check_meta(const BtfType& type, uint32_t left, CheckLog& log);

// What C calls an identifier, with '.' also allowed, at most Btf::max_identifier bytes.
[[nodiscard]] bool is_identifier(std::string_view name);
// Names of data sections: printable, as long.
[[nodiscard]] bool is_section_name(std::string_view name);

}  // namespace graft
