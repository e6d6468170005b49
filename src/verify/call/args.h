// Arguments of helper calls.
#pragma once

#include "helper/helper.h"
#include "verify/pointer/pointer.h"
#include "verify/walk/walk.h"

namespace graft::verify {

// What the arguments of one call say, as they are checked from R1 to R5.
struct HelperCall {
    const Helper* helper = nullptr;
    const Map* map = nullptr;  // of the const_map_ptr argument, or that the timer is in
    uint32_t map_uid = 0;      // its Reg::map_uid
    uint32_t alloc_size = 0;   // of the const_alloc_size_or_zero argument
    uint32_t callback = 0;     // of the callback argument: number of the function
    bool fills = false;
    uint32_t ref_id = 0;     // that an argument carries
    uint32_t dynptr_id = 0;  // of the dynptr argument, and what it leads to
    DynptrType dynptr = DynptrType::none;
};

Result<void> check_argument(Walk& walk, HelperCall& call, uint32_t number);

// [R, R + size) on behalf of a helper or of a global function.  `fills`: stack there need not be initialised before and is after.
Result<void> check_helper_memory(Walk& walk, uint32_t number, uint32_t size, Access access, bool zero_size_allowed, bool fills);

}  // namespace graft::verify
