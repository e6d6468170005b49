// The rows of setrlimit(2) and prlimit(2) for RLIMIT_MEMLOCK: BPF's tools raise it to infinity and give up when they may not.
//
// Root may on Linux; in a user namespace nobody may go beyond the hard limit.  No object of graft's is locked memory of the client, so the
// answer is yes, and the limit itself rises as far as the host lets it.
#pragma once

#include <vector>

#include "client/trap_table.h"

namespace graft::client {

std::vector<TrapRow> rlimit_traps();

}  // namespace graft::client
