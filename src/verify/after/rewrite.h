// rewrite(): a verified Env to the program that engines run (verified.h says what is rewritten).
//
// Consumes Env: its instructions, facts and functions are edited in place.
// Errno: ERANGE: the program grew so much that a jump does not reach.
#pragma once

#include "verify/env.h"

namespace graft::verify {

[[nodiscard]] Result<VerifiedProgram> rewrite(Env& env);

// --- its steps, in order -----------------------------------------------------------------------------------------------------------------
// Instructions that no path reached go, and with them the functions, func_info and line_info that are only about them.
Result<void> remove_dead_code(Env& env);
// Loads through pointers into kernel objects become those that meet null pointers.
void rewrite_object_loads(Env& env);
// LD_ABS and LD_IND become calls that end the function with 0 when the frame is too short.
Result<void> rewrite_frame_loads(Env& env);
// bpf_perf_event_output on packets becomes the helper that knows the context.
void rewrite_packet_output(Env& env);
// A program that throws and names nobody to catch gets a function that returns the cookie.
Result<void> add_default_exception_callback(Env& env);
// Once calls name their functions: Function::may_throw.
void find_what_throws(Env& env);
// bpf_timer_set_callback gets its hidden argument.
Result<void> rewrite_timer_calls(Env& env);
// Loads and stores of the context become those of graft's layouts.
Result<void> rewrite_context_accesses(Env& env);

// Brings the instructions of an edit into Env, and moves all that counts in instructions along.
void adopt(Env& env, struct Edited edited);

}  // namespace graft::verify
