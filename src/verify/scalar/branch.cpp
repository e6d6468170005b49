// A comparison looks at one width of its operands; what it proves is told to the views of that width, and sync_bounds() spreads it.
//
// "Greater" is "less" with the operands exchanged, and "not less" is "greater or equal": so four orders and three equalities are all there
// is.
#include "verify/scalar/branch.h"

#include <bit>
#include <utility>

#include "abi/bpf.h"

namespace graft::verify {
namespace {

// --- prediction -----------------------------------------------------------------------

Verdict unless_unknown(bool always, bool never) { return always ? Verdict::always : never ? Verdict::never : Verdict::unknown; }

Verdict negate(Verdict verdict) {
    return verdict == Verdict::always ? Verdict::never : verdict == Verdict::never ? Verdict::always : Verdict::unknown;
}

template <class T>
Verdict less(Range<T> a, Range<T> b) {
    return unless_unknown(a.max < b.min, a.min >= b.max);
}
template <class T>
Verdict less_or_equal(Range<T> a, Range<T> b) {
    return unless_unknown(a.max <= b.min, a.min > b.max);
}

// A 64-bit comparison uses the lower halves too: what differs there differs.
Verdict equal(bool is32, const Scalar& a, const Scalar& b) {
    if (a.is_const(is32) && b.is_const(is32)) return a.const_value(is32) == b.const_value(is32) ? Verdict::always : Verdict::never;
    const Tnum bits_a = is32 ? a.var_off.subreg() : a.var_off, bits_b = is32 ? b.var_off.subreg() : b.var_off;
    const bool differ = bits_a.disjoint(bits_b) || (!is32 && (a.u64.disjoint(b.u64) || a.s64.disjoint(b.s64))) || a.u32.disjoint(b.u32) ||
                        a.s32.disjoint(b.s32);
    return differ ? Verdict::never : Verdict::unknown;
}

Verdict any_bit_in_common(bool is32, const Scalar& a, const Scalar& b) {
    const bool mask_is_b = b.is_const(is32);
    if (!mask_is_b && !a.is_const(is32)) return Verdict::unknown;
    const uint64_t mask = (mask_is_b ? b : a).const_value(is32);
    const Tnum bits = is32 ? (mask_is_b ? a : b).var_off.subreg() : (mask_is_b ? a : b).var_off;
    return unless_unknown((bits.value & mask) != 0, (bits.max() & mask) == 0);
}

template <class Compare>
Verdict by_unsigned(bool is32, const Scalar& a, const Scalar& b, Compare compare) {
    return is32 ? compare(a.u32, b.u32) : compare(a.u64, b.u64);
}
template <class Compare>
Verdict by_signed(bool is32, const Scalar& a, const Scalar& b, Compare compare) {
    return is32 ? compare(a.s32, b.s32) : compare(a.s64, b.s64);
}

// --- refinement -----------------------------------------------------------------------

// Both wrap around: at the end of the type the branch is impossible, and the range that comes out says so.
template <class T>
T next(T number) {
    return static_cast<T>(static_cast<uint64_t>(number) + 1);
}
template <class T>
T previous(T number) {
    return static_cast<T>(static_cast<uint64_t>(number) - 1);
}

// These read and write in this order because `a` and `b` may be one object.
template <class T>
void assume_less(Range<T>& a, Range<T>& b) {
    if (previous(b.max) < a.max) a.max = previous(b.max);
    if (next(a.min) > b.min) b.min = next(a.min);
}
template <class T>
void assume_less_or_equal(Range<T>& a, Range<T>& b) {
    if (b.max < a.max) a.max = b.max;
    if (a.min > b.min) b.min = a.min;
}

template <class T>
void assume_equal(Range<T>& a, Range<T>& b) {
    a.narrow(b);
    b = a;
}
void assume_equal(bool is32, Scalar& a, Scalar& b) {
    if (is32) {
        assume_equal(a.u32, b.u32);
        assume_equal(a.s32, b.s32);
        const Tnum low = intersect(a.var_off.subreg(), b.var_off.subreg());
        a.var_off = a.var_off.with_subreg(low);
        b.var_off = b.var_off.with_subreg(low);
        return;
    }
    assume_equal(a.u64, b.u64);
    assume_equal(a.s64, b.s64);
    a.var_off = intersect(a.var_off, b.var_off);
    b.var_off = a.var_off;
}

// Being different from an inner number of a range teaches nothing; from an end, that the range is one shorter there.
template <class T>
void exclude(Range<T>& range, uint64_t number) {
    const auto excluded = static_cast<T>(number);
    if (range.min == excluded) range.min = next(excluded);
    if (range.max == excluded) range.max = previous(excluded);
}
void assume_different(bool is32, Scalar& a, Scalar& b) {
    Scalar* constant = b.is_const(is32) ? &b : a.is_const(is32) ? &a : nullptr;
    if (constant == nullptr) return;
    Scalar& other = constant == &b ? a : b;
    const uint64_t number = constant->const_value(is32);
    if (is32) {
        exclude(other.u32, number);
        exclude(other.s32, number);
    } else {
        exclude(other.u64, number);
        exclude(other.s64, number);
    }
}

// `holds`: some bit of the constant is set in the other operand; which one is known only when the constant has a single bit.
void assume_bits(bool is32, bool holds, Scalar& a, Scalar& b) {
    Scalar* constant = b.is_const(is32) ? &b : a.is_const(is32) ? &a : nullptr;
    if (constant == nullptr) return;
    Scalar& other = constant == &b ? a : b;
    const uint64_t mask = constant->const_value(is32);
    if (holds && !std::has_single_bit(mask)) return;
    // Linux rather forgets the ranges here: on a branch that is impossible they would contradict the bits.
    if (!holds) other.forget_ranges();
    const auto apply = [&](Tnum bits) { return holds ? bit_or(bits, Tnum::constant(mask)) : bit_and(bits, Tnum::constant(~mask)); };
    other.var_off = is32 ? other.var_off.with_subreg(apply(other.var_off.subreg())) : apply(other.var_off);
}

}  // namespace

Verdict branch_taken(uint8_t op, bool is32, const Scalar& a, const Scalar& b) {
    const auto lt = [](auto x, auto y) { return less(x, y); };
    const auto le = [](auto x, auto y) { return less_or_equal(x, y); };
    switch (op) {
        case BPF_JEQ:
            return equal(is32, a, b);
        case BPF_JNE:
            return negate(equal(is32, a, b));
        case BPF_JSET:
            return any_bit_in_common(is32, a, b);
        case BPF_JLT:
            return by_unsigned(is32, a, b, lt);
        case BPF_JLE:
            return by_unsigned(is32, a, b, le);
        case BPF_JGT:
            return by_unsigned(is32, b, a, lt);
        case BPF_JGE:
            return by_unsigned(is32, b, a, le);
        case BPF_JSLT:
            return by_signed(is32, a, b, lt);
        case BPF_JSLE:
            return by_signed(is32, a, b, le);
        case BPF_JSGT:
            return by_signed(is32, b, a, lt);
        case BPF_JSGE:
            return by_signed(is32, b, a, le);
        default:
            return Verdict::unknown;
    }
}

void assume(uint8_t op, bool is32, bool holds, Scalar& a, Scalar& b) {
    const auto ordered = [is32, holds](Scalar& x, Scalar& y, auto view32, auto view64, bool strict) {
        // not (x < y) is y <= x, and not (x <= y) is y < x
        Scalar& low = holds ? x : y;
        Scalar& high = holds ? y : x;
        const auto narrow = [strict = strict == holds](auto& first, auto& second) {
            strict ? assume_less(first, second) : assume_less_or_equal(first, second);
        };
        is32 ? narrow(low.*view32, high.*view32) : narrow(low.*view64, high.*view64);
    };
    switch (op) {
        case BPF_JEQ:
        case BPF_JNE:
            (op == BPF_JEQ) == holds ? assume_equal(is32, a, b) : assume_different(is32, a, b);
            break;
        case BPF_JSET:
            assume_bits(is32, holds, a, b);
            break;
        case BPF_JLT:
        case BPF_JLE:
            ordered(a, b, &Scalar::u32, &Scalar::u64, op == BPF_JLT);
            break;
        case BPF_JGT:
        case BPF_JGE:
            ordered(b, a, &Scalar::u32, &Scalar::u64, op == BPF_JGT);
            break;
        case BPF_JSLT:
        case BPF_JSLE:
            ordered(a, b, &Scalar::s32, &Scalar::s64, op == BPF_JSLT);
            break;
        case BPF_JSGT:
        case BPF_JSGE:
            ordered(b, a, &Scalar::s32, &Scalar::s64, op == BPF_JSGT);
            break;
        default:
            break;
    }
}

void refine(uint8_t op, bool is32, Scalar& true_a, Scalar& true_b, Scalar& false_a, Scalar& false_b) {
    assume(op, is32, false, false_a, false_b);
    false_a.sync_bounds();
    false_b.sync_bounds();
    assume(op, is32, true, true_a, true_b);
    true_a.sync_bounds();
    true_b.sync_bounds();
}

}  // namespace graft::verify
