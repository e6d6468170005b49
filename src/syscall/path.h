// The path of BPF_OBJ_PIN and BPF_OBJ_GET.
#pragma once

#include <string>

#include "object/caller.h"
#include "syscall/attr.h"

namespace graft {

// Relative to what: AT_FDCWD, or with BPF_F_PATH_FD a descriptor.  EINVAL: path_fd without the flag.
Result<int> path_fd_of(const Attr& attr);
// EFAULT, ENOENT (empty), ENAMETOOLONG.
Result<std::string> path_of(Caller& caller, const Attr& attr);

}  // namespace graft
