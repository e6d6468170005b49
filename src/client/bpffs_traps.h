// The rows that make a tmpfs look like a bpffs: statfs(2), fstatfs(2), mount(2) of type bpf.
#pragma once

#include <vector>

#include "client/gateway.h"
#include "client/trap_table.h"

namespace graft::client {

// The gateway must outlive the rows.
std::vector<TrapRow> bpffs_traps(Gateway& gateway);

}  // namespace graft::client
