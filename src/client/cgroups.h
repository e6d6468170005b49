// What a descriptor of a client says of the host's cgroups.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace graft::client {

// The id of the cgroup (of the second version) on whose directory `fd` is open.  EBADF: it is open on none.
[[nodiscard]] Result<uint64_t> cgroup_id(int fd);

}  // namespace graft::client
