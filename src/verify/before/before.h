// The passes before the walk, in Linux 6.12's order: verify.cpp calls them from top to bottom.
//
// Each reads and completes Env, and refuses with the errno and the log line of Linux.  None of them looks into walk/.
#pragma once

#include "verify/env.h"

namespace graft::verify {

// func_info as the client gave it: sizes, ascending instructions, FUNC types.  Resolves prog_btf_fd (request.btf) when there is func_info
// or line_info; without either the BTF is not looked at.
// EINVAL, E2BIG (a record's tail is not zero), EFAULT, EBADF, EACCES (a kernel's BTF).
Result<void> read_func_info(Env& env);

// The instruction where the function starts that catches the program's exceptions; nothing: the program names none.
// EEXIST, ENOENT, EINVAL: it names several, one that does not exist, or one that cannot.
Result<std::optional<uint32_t>> find_exception_callback(Env& env);
// Env::functions from the calls and callbacks, with the sentinel.  EINVAL, E2BIG (more than 256).
Result<void> find_subprograms(Env& env);
// Jumps stay inside their function, which ends in an exit or a jump; what each function holds (tail calls, LD_ABS).  EINVAL.
Result<void> check_subprograms(Env& env);

// func_info against the functions found, line_info, core_relos.  EINVAL, E2BIG, EFAULT; EOPNOTSUPP for core_relos, unlike Linux.
Result<void> check_debug_info(Env& env);

// ld_imm64: maps from descriptors (Env::maps, InsnFacts::map), reserved fields; opcodes that do not exist.
// EINVAL, E2BIG (more than 64 maps), EBADF, EPROTO, EFAULT.
Result<void> resolve_references(Env& env);

// Every instruction can be reached; where the walk compares states and records jumps.  EINVAL.
Result<void> check_control_flow(Env& env);

// Env::type and, for EXT and tracing programs, Env::attach.  errno of check_attach_target().
Result<void> check_attachment(Env& env);

// Is this an opcode of Linux 6.12's programs?
[[nodiscard]] bool valid_opcode(uint8_t code);

}  // namespace graft::verify
