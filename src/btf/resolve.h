// The second pass of the BTF check: does everything that a type refers to exist, fit and end?
//
// It finds where each modifier and pointer leads and how large each array is, and refuses types that contain themselves, chains deeper than
// Btf::max_resolve_depth, members that lie outside their struct.  The order of the walk is Linux's, because it decides which line the log
// shows.
#pragma once

#include <vector>

#include "base/result.h"
#include "btf/btf.h"
#include "btf/check_log.h"

namespace graft {

// `btf` passed the first pass; `resolved` is what its sized() reads, one entry an own type, and is filled here.
Result<void> resolve_types(const Btf& btf, std::vector<SizedType>& resolved, CheckLog& log);

// Type tags must come before all other modifiers of a type.  EINVAL.
Result<void> check_type_tags(const Btf& btf, Log& log);

}  // namespace graft
