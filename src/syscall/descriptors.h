// A client's descriptors as objects of the kind that a command wants: EBADF when not open, EINVAL when of something else.
#pragma once

#include "link/link.h"
#include "link/transaction.h"
#include "object/caller.h"
#include "program/program.h"

namespace graft {

Result<Ref<Program>> program_of(Caller& caller, uint32_t fd);
Result<Ref<Link>> link_of(Caller& caller, uint32_t fd);
Result<Ref<Map>> map_of(Caller& caller, uint32_t fd);
Result<Ref<Transaction>> transaction_of(Caller& caller, uint32_t fd);

}  // namespace graft
