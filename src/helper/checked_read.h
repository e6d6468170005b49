// Reads of memory that may not be there: a program's bpf_probe_read_kernel and the strings that it prints.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace graft {

// Copies all of the bytes at `address` of this process, or none of them: false.
[[nodiscard]] bool checked_read(uint64_t address, MutableBytes into);
// Copies a string up to its NUL, at most all but one of the bytes of `into`, and ends it with NUL.  Returns its bytes with the NUL;
// -EFAULT.
[[nodiscard]] int64_t checked_read_string(uint64_t address, MutableBytes into);

}  // namespace graft
