// Conditional jumps: is the outcome certain, and what does each outcome prove about the operands?
//
// Pure functions, any thread.  `op` is BPF_JEQ .. BPF_JSLE, BPF_JSET without class and source bits; `is32` for BPF_JMP32, which compares
// the lower halves.  For BPF_K the right side is Scalar::constant(imm, sign-extended).  Precision: exactly that of Linux 6.12.
#pragma once

#include <cstdint>

#include "verify/scalar/scalar.h"

namespace graft::verify {

enum class Verdict { never, always, unknown };

[[nodiscard]] Verdict branch_taken(uint8_t op, bool is32, const Scalar& a, const Scalar& b);

// Narrow the operands by the fact that `a op b` holds (the true_ ones) and by the fact that it does not (the false_ ones), then sync all.
// Only for branches that branch_taken() leaves open.  When both operands are one register (`if r1 == r1`), pass the same object twice: the
// steps are then Linux's for that case.  Afterwards check consistent() of each, in the order true_a, true_b, false_a, false_b.
void refine(uint8_t op, bool is32, Scalar& true_a, Scalar& true_b, Scalar& false_a, Scalar& false_b);

// One outcome of it, without sync: `a op b` is `holds`.
void assume(uint8_t op, bool is32, bool holds, Scalar& a, Scalar& b);

}  // namespace graft::verify
