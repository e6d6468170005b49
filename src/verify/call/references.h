// What a program holds and must give back: references to sockets and memory, and the one bpf_spin_lock.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

struct HelperCall;

// A new reference, given out by the instruction in hand; its id.
[[nodiscard]] uint32_t acquire_reference(Walk& walk);
// Given back: every register that carries it holds an unknown number from now on.  False: it is not held.
bool release_reference(Walk& walk, uint32_t id);
// In a branch where the helper turned out to have given nothing.
void drop_reference(State& state, uint32_t id);
// EINVAL: one is held; the log names each.  A callback returns with those of its callers; an exception does not.
Result<void> require_no_references(Walk& walk, bool with_callers = false);

// bpf_spin_lock and bpf_spin_unlock of what R`number` points to.
enum class LockChange { lock, unlock };
Result<void> change_lock(Walk& walk, uint32_t number, LockChange change);
// Nothing may be called under a lock but the function that gives it back.
Result<void> require_call_allowed(Walk& walk, const bpf_insn& insn);

}  // namespace graft::verify
