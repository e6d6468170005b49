// Whether a client may do what graft is about to do in its place.
//
// The rule is capabilities(7)': a capability counts in the task's own user namespace and in all below it; and who made a user namespace has
// all capabilities in it when he is in its parent.
#pragma once

#include "client/trap.h"

namespace graft::client {

// Whether the task has the capability (CAP_NET_ADMIN ...) over the network or mount namespace behind `ns`.
bool has_capability(Trap& trap, int capability, int ns);

}  // namespace graft::client
