// The text of a Scalar as the verifier log of Linux 6.12 shows it.
//
// A register that is known to be one number prints as that number ("R1_w=5"), any other as its kind and, in parentheses, the attributes
// that say something: "R1_w=scalar(smin=0,smax=umax=0xff,var_off=(0x0; 0xff))".  Views with the same value share one ("smax=umax=").
#pragma once

#include <cstdint>
#include <string>

#include "verify/scalar/scalar.h"

namespace graft::verify {

// The attributes, separated by commas, or nothing when nothing is known.  Not for a constant: is_const() prints
// signed_number(const_value()).
[[nodiscard]] std::string describe(const Scalar& scalar);

// Decimal when it fits 16 bits, else hexadecimal (of all 64 bits).
[[nodiscard]] std::string signed_number(int64_t number);
[[nodiscard]] std::string unsigned_number(uint64_t number);

// "u64=[0x0, 0xff] s64=[...] u32=[...] s32=[...] var_off=(0x0, 0xff)": the end of the line about a violation().
[[nodiscard]] std::string describe_violation(const Scalar& scalar);

}  // namespace graft::verify
