// The names that clients give to maps and programs.
#pragma once

#include <linux/bpf.h>

#include <string>

#include "base/result.h"

namespace graft {

// EINVAL: no terminating NUL, or a character other than letters, digits, _ and .
[[nodiscard]] Result<std::string> object_name(const char (&field)[BPF_OBJ_NAME_LEN]);

}  // namespace graft
