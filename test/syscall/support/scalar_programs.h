// Random straight programs of arithmetic and branches, with the register states that graft's scalars foresee for them.
//
// r0 to r7 hold numbers, r8 a pointer into the value of a map that r9 points to.  Every branch goes to an end of its own, so that the walk
// never meets a state it has seen.  The same seed and map make the same program.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "verify/scalar/scalar.h"

namespace test {

struct Foreseen {
    enum class Kind { nothing, number, pointer };
    Kind kind = Kind::nothing;
    graft::verify::Scalar scalar;
    // It may share an identity with another register, and what a branch proves of one is then said of both: no branch looks at it.
    bool linked = false;
};
using ForeseenState = std::array<Foreseen, 9>;

struct ScalarProgram {
    std::vector<bpf_insn> insns;
    // Of the walk that goes on, after the instruction; of the one that is put aside: where a branch leads, or before an AND or OR that is
    // split.
    std::map<int, ForeseenState> after, aside;
    std::vector<std::string> violations;  // lines about ranges that contradict each other, in order
    // What was foreseen of each step, as rows of src/verify/scalar/linux-6.12.states.
    std::vector<std::string> steps;
};

ScalarProgram random_scalar_program(uint64_t seed, int map_fd, size_t length);

// What the kernel's log at level 2 says otherwise, one line each; `compared` counts the register states that were held against each other.
std::vector<std::string> differences(const ScalarProgram& program, std::string_view log, size_t& compared);

}  // namespace test
