// Tnum, a "tristate number": for each of 64 bits whether it is known to be 0, known to be 1, or unknown.
//
// A bit set in `mask` is unknown and is then 0 in `value`; all the other bits are as in `value`.  So a Tnum stands for the set of numbers
// that agree with `value` outside of `mask`.  Every operation returns a set that holds the result for each pair of members, and is exactly
// as precise as in Linux 6.12: what a program may do depends on it, and the verifier log shows it.
//
// Pure values, no ownership, any thread.  The multiplication is that of Vishwanathan et al., "Sound, Precise, and Fast Abstract
// Interpretation with Tristate Numbers" (CGO 2022); the others are the best that this domain can express.
#pragma once

#include <cstdint>
#include <string>

namespace graft::verify {

struct Tnum {
    uint64_t value = 0;
    uint64_t mask = ~uint64_t{0};  // an unset Tnum knows nothing

    [[nodiscard]] static constexpr Tnum constant(uint64_t v) { return {v, 0}; }
    [[nodiscard]] static constexpr Tnum unknown() { return {}; }
    // The smallest Tnum that holds min..max (unsigned; the upper bits in which both agree are known).
    [[nodiscard]] static Tnum range(uint64_t min, uint64_t max);

    [[nodiscard]] constexpr bool is_const() const { return mask == 0; }
    [[nodiscard]] constexpr bool is_unknown() const { return mask == ~uint64_t{0}; }
    // Is every member a multiple of `size`?  `size` is a power of two, or 0 for no demand.
    [[nodiscard]] constexpr bool is_aligned(uint64_t size) const { return size == 0 || ((value | mask) & (size - 1)) == 0; }
    [[nodiscard]] constexpr bool contains(uint64_t v) const { return (v & ~mask) == value; }
    // Is every member of `other` a member of this?
    [[nodiscard]] constexpr bool contains(Tnum other) const { return (other.mask & ~mask) == 0 && contains(other.value); }
    // Is there a bit that is known in both, and different?
    [[nodiscard]] constexpr bool disjoint(Tnum other) const { return ((value ^ other.value) & ~mask & ~other.mask) != 0; }
    [[nodiscard]] constexpr uint64_t min() const { return value; }
    [[nodiscard]] constexpr uint64_t max() const { return value | mask; }

    // The lower 32 bits, as "subreg" in the kernel's words.
    [[nodiscard]] constexpr Tnum subreg() const { return cast(4); }
    [[nodiscard]] constexpr Tnum clear_subreg() const { return {value & ~uint64_t{UINT32_MAX}, mask & ~uint64_t{UINT32_MAX}}; }
    [[nodiscard]] constexpr Tnum with_subreg(Tnum low) const {
        const Tnum high = clear_subreg(), lower = low.subreg();
        return {high.value | lower.value, high.mask | lower.mask};
    }
    [[nodiscard]] constexpr Tnum with_const_subreg(uint32_t low) const { return with_subreg(constant(low)); }
    [[nodiscard]] constexpr bool subreg_is_const() const { return subreg().is_const(); }
    // The lower `size` bytes, zero-extended.
    [[nodiscard]] constexpr Tnum cast(unsigned size) const {
        const uint64_t kept = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (size * 8)) - 1;
        return {value & kept, mask & kept};
    }

    friend constexpr bool operator==(const Tnum&, const Tnum&) = default;

    // As the log prints it: "0x2a" when constant, else "(value; mask)", "(0x0; 0xff)".
    [[nodiscard]] std::string text() const;
};

[[nodiscard]] Tnum add(Tnum a, Tnum b);
[[nodiscard]] Tnum sub(Tnum a, Tnum b);
[[nodiscard]] Tnum mul(Tnum a, Tnum b);
[[nodiscard]] Tnum bit_and(Tnum a, Tnum b);
[[nodiscard]] Tnum bit_or(Tnum a, Tnum b);
[[nodiscard]] Tnum bit_xor(Tnum a, Tnum b);
// Shifts by a number: shift < 64, for arsh < bitness.
[[nodiscard]] Tnum lsh(Tnum a, unsigned shift);
[[nodiscard]] Tnum rsh(Tnum a, unsigned shift);
// bitness 32: the lower half is shifted with its own sign bit, and the upper half of the result is 0.
[[nodiscard]] Tnum arsh(Tnum a, unsigned shift, unsigned bitness);
// What both know, for a value that is in both sets.  When no value is, the bits that contradict come out as 1.
[[nodiscard]] Tnum intersect(Tnum a, Tnum b);
// The smallest Tnum that holds both sets.
[[nodiscard]] Tnum unite(Tnum a, Tnum b);

}  // namespace graft::verify
