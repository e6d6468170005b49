// Frame: what a function needs of the native stack, found before it is compiled.
//
// From high to low: return address, saved registers of R6 to R9, saved rbp; rbp is R10 and points there; the program's stack; the budget of
// may_goto.  What a function does not need, it does not have: a leaf that fits into the red zone moves no stack pointer.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/operation.h"
#include "engine/x86_64/inlined.h"

namespace graft::x86_64 {

struct Frame {
    std::array<bool, 4> saves{};  // R6 to R9
    bool has_pointer = false;     // uses R10, or has a budget of may_goto
    bool calls = false;           // rsp is a multiple of 16 at each call
    bool uses_run = false;        // wants the RunContext in its register
    int32_t may_goto_budget = 0;  // where it stands, from rbp; 0: none
    uint32_t local = 0;           // bytes below rbp (or below the saved registers, without one)
    bool in_red_zone = false;     // `local` is not subtracted from rsp

    // `inlined`: by slot, calls that are none.
    static Frame of(std::span<const Decoded> operations, std::span<const Inlined> inlined, uint32_t stack_depth);
};

}  // namespace graft::x86_64
