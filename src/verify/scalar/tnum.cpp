#include "verify/scalar/tnum.h"

#include <fmt/core.h>

#include <bit>

namespace graft::verify {
namespace {

// A Tnum from a number of which the bits in `unknown` do not count.
Tnum forget(uint64_t number, uint64_t unknown) { return {number & ~unknown, unknown}; }

}  // namespace

Tnum Tnum::range(uint64_t min, uint64_t max) {
    const auto differing = static_cast<int>(std::bit_width(min ^ max));  // the lowest bits, all unknown from the highest differing one
    return forget(min, differing == 64 ? ~uint64_t{0} : (uint64_t{1} << differing) - 1);
}

std::string Tnum::text() const { return is_const() ? fmt::format("{:#x}", value) : fmt::format("({:#x}; {:#x})", value, mask); }

// A bit of a sum is unknown when it is in an operand, or when the carry into it can differ; and the carries differ exactly where the least
// and the greatest possible sum do.
Tnum add(Tnum a, Tnum b) {
    const uint64_t least = a.min() + b.min(), greatest = a.max() + b.max();
    return forget(least, (least ^ greatest) | a.mask | b.mask);
}

// Likewise with the borrows.
Tnum sub(Tnum a, Tnum b) {
    const uint64_t least = a.min() - b.max(), greatest = a.max() - b.min();
    return forget(a.value - b.value, (least ^ greatest) | a.mask | b.mask);
}

// Long multiplication.  The product of the known parts is exact; what the unknown bits may add is summed on its own, one row per bit of
// `a`.
Tnum mul(Tnum a, Tnum b) {
    Tnum uncertain = Tnum::constant(0);
    for (unsigned bit = 0; bit < 64 && (a.max() >> bit) != 0; ++bit) {
        const uint64_t place = uint64_t{1} << bit;
        if ((a.value & place) != 0)
            uncertain = add(uncertain, {0, b.mask << bit});
        else if ((a.mask & place) != 0)
            uncertain = add(uncertain, {0, b.max() << bit});
    }
    return add(Tnum::constant(a.value * b.value), uncertain);
}

Tnum bit_and(Tnum a, Tnum b) { return forget(a.max() & b.max(), (a.max() & b.max()) & ~(a.value & b.value)); }

Tnum bit_or(Tnum a, Tnum b) { return forget(a.value | b.value, (a.mask | b.mask) & ~(a.value | b.value)); }

Tnum bit_xor(Tnum a, Tnum b) { return forget(a.value ^ b.value, a.mask | b.mask); }

Tnum lsh(Tnum a, unsigned shift) { return {a.value << shift, a.mask << shift}; }

Tnum rsh(Tnum a, unsigned shift) { return {a.value >> shift, a.mask >> shift}; }

// The sign bit of value and of mask are both copied down: an unknown sign makes unknown copies.
Tnum arsh(Tnum a, unsigned shift, unsigned bitness) {
    if (bitness == 32) {
        const auto shifted = [shift](uint64_t bits) { return static_cast<uint32_t>(static_cast<int32_t>(bits) >> shift); };
        return {shifted(a.value), shifted(a.mask)};
    }
    const auto shifted = [shift](uint64_t bits) { return static_cast<uint64_t>(static_cast<int64_t>(bits) >> shift); };
    return {shifted(a.value), shifted(a.mask)};
}

Tnum intersect(Tnum a, Tnum b) { return forget(a.value | b.value, a.mask & b.mask); }

Tnum unite(Tnum a, Tnum b) { return forget(a.value, a.mask | b.mask | (a.value ^ b.value)); }

}  // namespace graft::verify
