// What engines run or compile: a program's instructions, decoded once.
//
// One operation an instruction slot, so that jumps keep their distances (the second slot of ld_imm64 is never reached).
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "helper/helper.h"
#include "verify/verified.h"

namespace graft {

// clang-format off
// Each of these exists for 64 and 32 bits, with an immediate and with a register on the right.
#define GRAFT_ALU_OPERATIONS(X) \
    X(add) X(sub) X(mul) X(div) X(mod) X(sdiv) X(smod) X(bit_or) X(bit_and) X(bit_xor) X(lsh) X(rsh) X(arsh) X(mov)
#define GRAFT_JUMP_OPERATIONS(X) \
    X(jeq) X(jne) X(jgt) X(jge) X(jlt) X(jle) X(jset) X(jsgt) X(jsge) X(jslt) X(jsle)
#define GRAFT_OTHER_OPERATIONS(X) \
    X(neg64) X(neg32) X(movsx8_64) X(movsx16_64) X(movsx32_64) X(movsx8_32) X(movsx16_32) \
    X(zext16) X(zext32) X(zext64) X(swap16) X(swap32) X(swap64) \
    X(ld_imm64) X(ld_function) X(ldx8) X(ldx16) X(ldx32) X(ldx64) X(ldsx8) X(ldsx16) X(ldsx32) \
    X(probe8) X(probe16) X(probe32) X(probe64) X(probesx8) X(probesx16) X(probesx32) \
    X(stx8) X(stx16) X(stx32) X(stx64) X(st8) X(st16) X(st32) X(st64) X(atomic32) X(atomic64) \
    X(ld_abs8) X(ld_abs16) X(ld_abs32) X(ld_ind8) X(ld_ind16) X(ld_ind32) \
    X(ja) X(may_goto) X(call_helper) X(call_subprogram) X(tail_call) X(throw_exception) X(exit) X(unreachable)
// clang-format on

enum class Operation : uint8_t {
#define GRAFT_FOUR(name) name##64k, name##64x, name##32k, name##32x,
#define GRAFT_ONE(name) name,
    GRAFT_ALU_OPERATIONS(GRAFT_FOUR) GRAFT_JUMP_OPERATIONS(GRAFT_FOUR) GRAFT_OTHER_OPERATIONS(GRAFT_ONE)
#undef GRAFT_ONE
#undef GRAFT_FOUR
};

// What an exception does that comes up at a call, or at a throw.  It leaves every function of its program, and is caught in the main one's
// place; RunContext::thrown is set meanwhile.
enum class Unwinding : uint8_t {
    none,    // none can come
    passes,  // leaves this function, too
    ends,    // this is the main function: what catches it is called, and returns in its place
};

struct Decoded {
    Operation operation = Operation::unreachable;
    uint8_t dst = 0;
    uint8_t src = 0;
    Unwinding unwinding = Unwinding::none;  // of call_subprogram, throw_exception
    // Of memory, in bytes; of a jump, in slots after the next; of an atomic operation its imm is in `imm`; where unwinding ends: the
    // subprogram that catches.
    int32_t off = 0;
    union {
        uint64_t imm = 0;
        HelperFunction helper;
        uint64_t subprogram;  // of call_subprogram, ld_function
    };
};
static_assert(sizeof(Decoded) == 16);

// ENOTSUPP: the program has an instruction or a helper that graft does not know; the verifier let it pass wrongly.
Result<std::vector<Decoded>> decode(const VerifiedProgram& program);

}  // namespace graft
