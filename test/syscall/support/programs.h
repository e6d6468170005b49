// Programs loaded from instructions, their info, runs of them, and what they left in the trace of test/bpf/trace.h.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <string>
#include <vector>

#include "support/call.h"

namespace test {

// What PROG_LOAD of these instructions answers; change the attr before calling it for anything special.
Attr program_attr(uint32_t type, const std::vector<bpf_insn>& program);
long prog_load(uint32_t type, const std::vector<bpf_insn>& program);

bpf_prog_info prog_info(int program);
bpf_link_info link_info(int link);
bpf_map_info map_info(int map);

// The id of a function in the BTF of a program; 0 when there is none.
uint32_t function_id(int program, const char* name);

struct Ran {
    long answer = 0;
    uint32_t verdict = 0;
};
// One BPF_PROG_TEST_RUN on a packet of 64 zeros.
Ran run(int program);

// "10 11 19", and empties it.
std::string take_trace(int trace_map);

}  // namespace test
