// What an arithmetic instruction makes of the views of its operands.
//
// Each operation has a rule for the ranges of one width, written once for both, and one for the bits.  Where the widths differ Linux does,
// and the difference is said here.
#include <algorithm>
#include <type_traits>

#include "abi/bpf.h"
#include "verify/scalar/scalar.h"

namespace graft::verify {
namespace {

template <class T>
Range<T> cast_range(auto range) {
    return {static_cast<T>(range.min), static_cast<T>(range.max)};
}

// --- ranges of one width --------------------------------------------------------------

template <class T>
Range<T> add(Range<T> a, Range<T> b) {
    Range<T> sum;
    const bool overflows = __builtin_add_overflow(a.min, b.min, &sum.min) || __builtin_add_overflow(a.max, b.max, &sum.max);
    return overflows ? Range<T>::full() : sum;
}

template <class T>
Range<T> sub(Range<T> a, Range<T> b) {
    Range<T> difference;
    const bool overflows = __builtin_sub_overflow(a.min, b.max, &difference.min) || __builtin_sub_overflow(a.max, b.min, &difference.max);
    return overflows ? Range<T>::full() : difference;
}

// The signed range that goes with an unsigned one, when that does not cross the sign.
template <class U>
Range<std::make_signed_t<U>> signed_of(Range<U> u) {
    const auto s = cast_range<std::make_signed_t<U>>(u);
    return s.valid() ? s : Range<std::make_signed_t<U>>::full();
}

// The signed range of the smallest tnum is not better than that of the unsigned range: the bitwise operations set both from the latter.
template <class S, class U>
void set_both(Range<S>& s, Range<U>& u, Range<U> result) {
    u = result;
    s = signed_of(result);
}

// Factors that are both small and not negative, else nothing.
template <class S, class U>
void mul(Range<S>& s, Range<U>& u, Range<S> by_s, Range<U> by_u) {
    constexpr U half = (U{1} << (sizeof(U) * 4)) - 1;
    if (s.min < 0 || by_s.min < 0 || u.max > half || by_u.max > half) {
        s = {};
        u = {};
        return;
    }
    set_both(s, u, {static_cast<U>(u.min * by_u.min), static_cast<U>(u.max * by_u.max)});
}

// The bits of the result give one end, the operands the other.
template <class S, class U>
void bit_and(Range<S>& s, Range<U>& u, Range<U> by, Tnum bits) {
    set_both(s, u, {static_cast<U>(bits.min()), std::min(u.max, by.max)});
}
template <class S, class U>
void bit_or(Range<S>& s, Range<U>& u, Range<U> by, Tnum bits) {
    set_both(s, u, {std::max(u.min, by.min), static_cast<U>(bits.max())});
}
template <class S, class U>
void bit_xor(Range<S>& s, Range<U>& u, Tnum bits) {
    set_both(s, u, {static_cast<U>(bits.min()), static_cast<U>(bits.max())});
}

template <class U>
Range<U> lsh(Range<U> u, unsigned shift) {
    constexpr unsigned width = sizeof(U) * 8;
    if (shift >= width || u.max > (U{1} << (width - 1 - shift))) return {};  // a set bit may be lost
    return {static_cast<U>(u.min << shift), static_cast<U>(u.max << shift)};
}

template <class T>
Range<T> rsh(Range<T> range, unsigned shift) {
    return {static_cast<T>(range.min >> shift), static_cast<T>(range.max >> shift)};
}

// --- registers ------------------------------------------------------------------------

void add_wide(Scalar& dst, const Scalar& src) {
    dst.s64 = add(dst.s64, src.s64);
    dst.u64 = add(dst.u64, src.u64);
    dst.var_off = add(dst.var_off, src.var_off);
}
void sub_wide(Scalar& dst, const Scalar& src) {
    dst.s64 = sub(dst.s64, src.s64);
    dst.u64 = sub(dst.u64, src.u64);
    dst.var_off = sub(dst.var_off, src.var_off);
}

enum class Bitwise { conjunction, disjunction, exclusive };

// A result of constant bits from a constant source is known in that width, whatever the ranges say; in 64 bits that covers the lower half
// too.
void apply_bitwise(Bitwise op, Scalar& dst, const Scalar& src) {
    const Tnum bits = op == Bitwise::conjunction   ? bit_and(dst.var_off, src.var_off)
                      : op == Bitwise::disjunction ? bit_or(dst.var_off, src.var_off)
                                                   : bit_xor(dst.var_off, src.var_off);
    dst.var_off = bits;
    if (bits.is_const() && src.var_off.is_const()) {
        dst = Scalar::constant(bits.value);
        return;
    }
    const Tnum low = bits.subreg();
    const bool low_known = low.is_const() && src.var_off.subreg_is_const();
    switch (op) {
        case Bitwise::conjunction:
            bit_and(dst.s32, dst.u32, src.u32, low);
            bit_and(dst.s64, dst.u64, src.u64, bits);
            break;
        case Bitwise::disjunction:
            bit_or(dst.s32, dst.u32, src.u32, low);
            bit_or(dst.s64, dst.u64, src.u64, bits);
            break;
        case Bitwise::exclusive:
            bit_xor(dst.s32, dst.u32, low);
            bit_xor(dst.s64, dst.u64, bits);
            break;
    }
    if (low_known) {
        dst.s32 = Range<int32_t>::only(static_cast<int32_t>(low.value));
        dst.u32 = Range<uint32_t>::only(static_cast<uint32_t>(low.value));
    }
}

void apply_lsh(Scalar& dst, bool is64, unsigned shift) {
    if (!is64) {
        dst.var_off = lsh(dst.var_off.subreg(), shift).subreg();
        dst.s32 = {};
        dst.u32 = lsh(dst.u32, shift);
        return;
    }
    // (x << 32) is how compilers begin a sign extension: only then the sign is followed.
    dst.s64 = shift == 32 ? Range<int64_t>{int64_t{dst.s32.min} << 32, int64_t{dst.s32.max} << 32} : Range<int64_t>::full();
    dst.u64 = lsh(dst.u64, shift);
    dst.s32 = {};
    dst.u32 = lsh(dst.u32, shift);
    dst.var_off = lsh(dst.var_off, shift);
}

void apply_rsh(Scalar& dst, bool is64, unsigned shift) {
    dst.s32 = {};
    if (!is64) {
        dst.var_off = rsh(dst.var_off.subreg(), shift);
        dst.u32 = rsh(dst.u32, shift);
        return;
    }
    dst.var_off = rsh(dst.var_off, shift);
    dst.s64 = {};
    dst.u64 = rsh(dst.u64, shift);
    dst.u32 = {};
}

void apply_arsh(Scalar& dst, bool is64, unsigned shift) {
    dst.u32 = {};
    if (!is64) {
        dst.var_off = arsh(dst.var_off.subreg(), shift, 32);
        dst.s32 = rsh(dst.s32, shift);
        return;
    }
    dst.var_off = arsh(dst.var_off, shift, 64);
    dst.u64 = {};
    dst.s64 = rsh(dst.s64, shift);
    dst.s32 = {};
}

// Only a shift by one number, less than the width, can be computed.  A 32-bit shift looks at all 64 bits of that number.
bool computable_shift(const Scalar& by, bool is64) {
    if (is64) return by.is_const() && by.s64.is_const() && by.u64.is_const() && by.u64.max < 64;
    return by.is_const(true) && by.s32.is_const() && by.u32.is_const() && by.u64.max < 32;
}

}  // namespace

Scalar add_unsynced(const Scalar& a, const Scalar& b) {
    Scalar sum = a;
    sum.s32 = add(a.s32, b.s32);
    sum.u32 = add(a.u32, b.u32);
    add_wide(sum, b);
    return sum;
}

Scalar add_to_pointer(const Scalar& offset, const Scalar& scalar) {
    Scalar sum = offset;
    sum.s32 = {};
    sum.u32 = {};
    add_wide(sum, scalar);
    sum.sync_bounds();
    return sum;
}

Scalar sub_from_pointer(const Scalar& offset, const Scalar& scalar) {
    Scalar difference = offset;
    difference.s32 = {};
    difference.u32 = {};
    sub_wide(difference, scalar);
    difference.sync_bounds();
    return difference;
}

std::optional<Fork> fork_before_alu(uint8_t op, const Scalar& dst, const Scalar& src) {
    if ((op != BPF_AND && op != BPF_OR) || !src.is_const()) return std::nullopt;
    if (dst.s64 == Range<int64_t>{-1, 0}) return Fork{Scalar::constant(0), Scalar::constant(UINT64_MAX)};
    if (dst.s32 != Range<int32_t>{-1, 0}) return std::nullopt;
    const auto with_low = [&dst](int32_t low) {  // the upper half stays as it was
        Scalar result = dst;
        result.var_off = dst.var_off.with_const_subreg(static_cast<uint32_t>(low));
        result.s32 = Range<int32_t>::only(low);
        result.u32 = Range<uint32_t>::only(static_cast<uint32_t>(low));
        return result;
    };
    return Fork{with_low(0), with_low(-1)};
}

Scalar apply_alu(uint8_t op, bool is64, const Scalar& dst, const Scalar& src) {
    Scalar result = dst;
    switch (op) {
        case BPF_ADD:
            result = add_unsynced(dst, src);
            break;
        case BPF_SUB:
            result.s32 = sub(dst.s32, src.s32);
            result.u32 = sub(dst.u32, src.u32);
            sub_wide(result, src);
            break;
        case BPF_MUL:
            mul(result.s32, result.u32, src.s32, src.u32);
            mul(result.s64, result.u64, src.s64, src.u64);
            result.var_off = mul(dst.var_off, src.var_off);
            break;
        case BPF_AND:
            apply_bitwise(Bitwise::conjunction, result, src);
            break;
        case BPF_OR:
            apply_bitwise(Bitwise::disjunction, result, src);
            break;
        case BPF_XOR:
            apply_bitwise(Bitwise::exclusive, result, src);
            break;
        case BPF_LSH:
        case BPF_RSH:
        case BPF_ARSH: {
            if (!computable_shift(src, is64)) return Scalar::unknown();
            const auto shift = static_cast<unsigned>(src.u64.min);
            op == BPF_LSH   ? apply_lsh(result, is64, shift)
            : op == BPF_RSH ? apply_rsh(result, is64, shift)
                            : apply_arsh(result, is64, shift);
            break;
        }
        default:
            return Scalar::unknown();
    }
    if (is64) {
        result.sync_bounds();
    } else {
        if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) result.learn_from_bits();
        result.zero_extend_32();
    }
    return result;
}

}  // namespace graft::verify
