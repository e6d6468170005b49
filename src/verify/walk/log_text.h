// The lines of the log that follow the walk.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

[[nodiscard]] inline bool log_walk(const Walk& walk) { return (walk.env.log.level() & (Log::level1 | Log::level2)) != 0; }

// "; if (x > y) @ prog.c:12" when the line of `insn` differs from the last one printed.
void print_line_info(Walk& walk, uint32_t insn);
// "(b7) r0 = 0\n"
[[nodiscard]] std::string insn_text(const Env& env, uint32_t insn);
// "12: (b7) r0 = 0"
void print_insn(Walk& walk);
// What the instruction changed, behind it on its line or on a line of its own.
void print_touched(Walk& walk);
// "from 3 to 7: R0=..." at the start of a path.
void print_path_start(Walk& walk);

}  // namespace graft::verify
