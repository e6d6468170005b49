// What a process maps, as /proc/PID/smaps tells.
#pragma once

#include <sys/stat.h>

#include <cstddef>

#include "base/result.h"

namespace graft::client {

// Whether the process whose smaps `smaps` is open on shares memory with the file and may write it now.  A mapping
// that starts at `except` does not count (null: all do).
Result<bool> shares_writably(int smaps, const struct stat& file, const void* except);

// How many bytes of the file, from its beginning, the process whose maps `maps` is open on shares; 0: none.
Result<size_t> mapped_size(int maps, const struct stat& file);

}  // namespace graft::client
