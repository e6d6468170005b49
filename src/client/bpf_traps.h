// The row of bpf(2).
#pragma once

#include <vector>

#include "client/gateway.h"
#include "client/trap_table.h"

namespace graft::client {

// The gateway must outlive the rows.
std::vector<TrapRow> bpf_traps(Gateway& gateway);

}  // namespace graft::client
