// The thread that runs what is deferred (rcu.h).
#pragma once

#include "base/result.h"

namespace graft::rcu {

// Starts it, once a process.  Without this the first call to rcu::defer does, and where the host starts no more threads by then, liburcu
// ends the process.
// Errno: EAGAIN.
Result<void> start();

}  // namespace graft::rcu
