// Calls: helpers, functions of the program, and the start and end of functions.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

Result<void> call_helper(Walk& walk, const bpf_insn& insn);
// BPF_PSEUDO_KFUNC_CALL.  bpf_throw ends the path.
Result<Step> call_kfunc(Walk& walk, const bpf_insn& insn);
// R0..R5 hold nothing any more.
void clear_caller_saved(Walk& walk);
// BPF_PSEUDO_CALL.  Static functions are entered (walk.insn moves); global ones are checked against their BTF and stepped over.
Result<void> call_function(Walk& walk, const bpf_insn& insn);
// The callback of a helper call: a path through it waits to be walked.  Nothing: the helper calls none.
struct HelperCall;
Result<void> call_back(Walk& walk, const HelperCall& call);
// exit of a callback: back to the call, for another round.
Result<void> return_from_callback(Walk& walk);
// Is R`number`, at the "callback return" or the "program exit", known to lie there?
Result<void> require_result_in(Walk& walk, uint32_t number, const char* where, Range<int64_t> range);
// exit in a called function: back to the caller.
Result<void> return_to_caller(Walk& walk);
// exit of the function that is verified: what R0 must be; or a bpf_throw whose cookie, R1, becomes the result.
Result<void> check_return_value(Walk& walk, uint32_t number);

// --- btf_func ----------------------------------------------------------------------------------------------------------------------------
enum class FuncArgKind : uint8_t { scalar, ctx, mem };
struct FuncArg {
    FuncArgKind kind = FuncArgKind::scalar;
    uint32_t mem_size = 0;
    bool nonnull = false;
};
// The arguments of function `number` by its BTF.  EINVAL, with the log line; marks the function unreliable when BTF does not help.
Result<std::vector<FuncArg>> function_args(Env& env, uint32_t number);
// The registers R1.. of a first frame.
Result<void> set_up_arguments(Walk& walk, uint32_t number);
// A call of a global function: do R1.. suit?
Result<void> check_call_arguments(Walk& walk, uint32_t number);

}  // namespace graft::verify
