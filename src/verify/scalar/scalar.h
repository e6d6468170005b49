// Scalar: what the verifier knows about the number in a register, in five views of the same 64 bits.
//
// The bits (var_off), the number as signed and unsigned 64-bit, and its lower half as signed and unsigned 32-bit.  The views are kept apart
// and tell each other what they know only in sync_bounds(); which operation syncs and which does not is Linux 6.12's choice and shows in
// the log, so it is kept: each function here says whether its result is synced.  For a pointer a Scalar is its variable offset.
//
// Pure values, no ownership, any thread.  Precision: exactly that of Linux 6.12 (compared with its log, register by register).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "verify/scalar/range.h"
#include "verify/scalar/tnum.h"

namespace graft::verify {

struct Scalar {
    Tnum var_off;
    Range<int64_t> s64;
    Range<uint64_t> u64;
    Range<int32_t> s32;
    Range<uint32_t> u32;

    [[nodiscard]] static Scalar constant(uint64_t value);
    [[nodiscard]] static constexpr Scalar unknown() { return {}; }
    // Known to be in min..max as an unsigned number, synced.
    [[nodiscard]] static Scalar between(uint64_t min, uint64_t max);

    // Constness is what the bits say, whatever the ranges say.
    [[nodiscard]] bool is_const() const { return var_off.is_const(); }
    [[nodiscard]] bool is_const(bool is32) const { return is32 ? var_off.subreg_is_const() : var_off.is_const(); }
    [[nodiscard]] uint64_t const_value() const { return var_off.value; }
    [[nodiscard]] uint64_t const_value(bool is32) const { return is32 ? var_off.subreg().value : var_off.value; }
    // Is `value` possible, by all five views?
    [[nodiscard]] bool contains(uint64_t value) const;
    // Is every range of `other` inside the range of this, and its bits among the bits of this?  For pruning, where `this` is the explored
    // state and `other` the current one.
    [[nodiscard]] bool covers(const Scalar& other) const;

    // --- the views inform each other ------------------------------------------------
    void sync_bounds();
    // Its first step alone: the ranges learn from the bits.
    void learn_from_bits();
    // The upper half becomes 0 (what every 32-bit operation does to its destination).  Synced.
    void zero_extend_32();
    // Only the lower `size` bytes count, zero-extended: loads of u8, u16, u32 (size 1, 2, 4), synced.
    void truncate(unsigned size);
    // The lower `size` bytes, sign-extended to 64 bits: movsx and loads of s8, s16, s32 (size 1, 2, 4).  Not synced.
    void sign_extend_64(unsigned size);
    // The lower `size` bytes, sign-extended to 32 and then zero-extended: the 32-bit movsx (size 1, 2).  Synced.
    void sign_extend_32(unsigned size);
    // Forget the ranges, keep the bits: what Linux falls back to when they contradict each other.
    void forget_ranges();

    // Do the views agree?  null when so; else Linux's words for what is wrong ("range bounds violation" ...).  A contradiction comes from a
    // branch that cannot be taken but was not recognised.  6.12 then calls forget_ranges(), or EFAULT under BPF_F_TEST_REG_INVARIANTS.
    [[nodiscard]] const char* violation() const;
    [[nodiscard]] bool consistent() const { return violation() == nullptr; }

    friend bool operator==(const Scalar&, const Scalar&) = default;
};

// dst = dst OP src, `op` one of BPF_ADD .. BPF_NEG, BPF_END without class and source bits.  For BPF_K `src` is the immediate, sign-extended
// to 64 bits.  Synced where Linux does.  Nothing is known about the result of BPF_DIV, BPF_MOD, BPF_NEG, BPF_END and of a shift by a number
// that is not constant or not less than the width: not even that the upper half of a 32-bit result is 0.  BPF_MOV is the caller's: a copy,
// then zero_extend_32() or sign_extend_*().
[[nodiscard]] Scalar apply_alu(uint8_t op, bool is64, const Scalar& dst, const Scalar& src);

// Before AND and OR with a constant, a destination that is 0 or -1 (the result of an arithmetic shift by width - 1) is split: Linux
// explores both. It pushes a state with `zero` that executes this instruction again, and goes on with `minus_one`.
struct Fork {
    Scalar zero, minus_one;
};
[[nodiscard]] std::optional<Fork> fork_before_alu(uint8_t op, const Scalar& dst, const Scalar& src);

// A pointer's variable offset after += or -= of a scalar that is not constant: 64-bit views, the 32-bit ones anew from them.  Synced.
[[nodiscard]] Scalar add_to_pointer(const Scalar& offset, const Scalar& scalar);
[[nodiscard]] Scalar sub_from_pointer(const Scalar& offset, const Scalar& scalar);

// Sum without sync: for registers that are linked by a constant difference (after a branch on one of them).
[[nodiscard]] Scalar add_unsynced(const Scalar& a, const Scalar& b);

}  // namespace graft::verify
