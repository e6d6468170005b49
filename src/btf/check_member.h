// Does a struct's member fit where it is put?  Part of the second pass (resolve.h); the member's type is resolved.
#pragma once

#include "base/result.h"
#include "btf/btf.h"
#include "btf/check_log.h"

namespace graft {

Result<void> check_member_fits(const Btf& btf, const BtfType& of, const btf_member& member, CheckLog& log);

}  // namespace graft
