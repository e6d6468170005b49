// How the five views of a register inform each other.
//
// Linux 6.12 does not search for the fixpoint; it runs a fixed sequence of steps, and what it does not find is not known.  So the sequence
// in sync_bounds() is interface: a step more or less changes logs and verdicts.
#include "verify/scalar/scalar.h"

#include <algorithm>
#include <type_traits>

namespace graft::verify {
namespace {

template <class T>
Range<T> cast_range(auto range) {
    return {static_cast<T>(range.min), static_cast<T>(range.max)};
}

// What the bits say about both readings of them.  An unknown sign bit is set in the least signed number and clear in the greatest.
template <class Signed, class Unsigned>
void narrow_by_bits(Range<Signed>& s, Range<Unsigned>& u, uint64_t value, uint64_t mask) {
    constexpr uint64_t sign = uint64_t{1} << (sizeof(Unsigned) * 8 - 1);
    s.narrow({static_cast<Signed>(value | (mask & sign)), static_cast<Signed>(value | (mask & ~sign))});
    u.narrow({static_cast<Unsigned>(value), static_cast<Unsigned>(value | mask)});
}

// When a range in one reading does not cross the place where the other one jumps, it is a range there too.
template <class To, class From>
void learn_when_contiguous(Range<To>& to, Range<From> from) {
    const auto cast = cast_range<To>(from);
    if (cast.valid()) to.narrow(cast);
}

// A signed range from negative to positive is, unsigned, two pieces at either end.  When the unsigned range meets only one, so does the
// number.
template <class Signed, class Unsigned>
void learn_which_end(Range<Signed>& s, Range<Unsigned>& u) {
    const auto pieces = cast_range<Unsigned>(s);  // 0..max and min..
    if (pieces.valid()) return;
    if (u.max < pieces.min) {
        s.min = static_cast<Signed>(u.min);
        u.max = std::min(u.max, pieces.max);
    } else if (u.min > pieces.max) {
        s.max = static_cast<Signed>(u.max);
        u.min = std::max(u.min, pieces.min);
    }
}

// A 64-bit range whose upper halves are equal, or neighbours with the lower half passing from negative to positive, is one in the lower
// half.
template <class T>
void learn_from_wide(Range<int32_t>& s32, Range<uint32_t>& u32, Range<T> wide) {
    const auto high = [](T number) { return static_cast<uint32_t>(static_cast<uint64_t>(number) >> 32); };
    if (high(wide.min) != high(wide.max)) return;
    if constexpr (std::is_unsigned_v<T>)
        u32.narrow(cast_range<uint32_t>(wide));  // also when it is a contradiction
    else
        learn_when_contiguous(u32, wide);
    learn_when_contiguous(s32, wide);
}
template <class T>
void learn_from_wide_across_zero(Range<int32_t>& s32, Range<T> wide) {
    const auto high = [](T number) { return static_cast<uint32_t>(static_cast<uint64_t>(number) >> 32); };
    const auto low = cast_range<int32_t>(wide);
    if (high(wide.min) + 1 == high(wide.max) && low.min < 0 && low.max >= 0) s32.narrow(low);
}

// The number lies between the ends of `wide`; so with the lower halves of the ends exchanged for what is known of the lower half.
template <class T>
void learn_from_low_half(Range<T>& wide, Range<uint32_t> low) {
    const auto with_low = [](T number, uint32_t half) {
        return static_cast<T>((static_cast<uint64_t>(number) & ~uint64_t{UINT32_MAX}) | half);
    };
    wide.narrow({with_low(wide.min, low.min), with_low(wide.max, low.max)});
}

void deduce(Scalar& r) {
    learn_from_wide(r.s32, r.u32, r.u64);
    learn_from_wide(r.s32, r.u32, r.s64);
    learn_from_wide_across_zero(r.s32, r.u64);
    learn_from_wide_across_zero(r.s32, r.s64);
    learn_when_contiguous(r.s32, r.u32);
    learn_when_contiguous(r.u32, r.s32);
    learn_which_end(r.s32, r.u32);

    learn_when_contiguous(r.s64, r.u64);
    learn_when_contiguous(r.u64, r.s64);
    learn_which_end(r.s64, r.u64);

    learn_from_low_half(r.u64, r.u32);
    learn_from_low_half(r.s64, r.u32);
    // A number that was sign-extended from 32 bits, and whose lower half is not negative, is its lower half.
    if (r.s32.min >= 0 && r.s64.min >= INT32_MIN && r.s64.max <= INT32_MAX) {
        r.s64 = cast_range<int64_t>(r.s32);
        r.u64 = cast_range<uint64_t>(r.s32);
        r.var_off = intersect(r.var_off, Tnum::range(r.u64.min, r.u64.max));
    }
}

// What the unsigned ranges say about the bits.
void learn_bits(Scalar& r) {
    const Tnum wide = intersect(r.var_off, Tnum::range(r.u64.min, r.u64.max));
    r.var_off = wide.with_subreg(intersect(wide.subreg(), Tnum::range(r.u32.min, r.u32.max)));
}

template <class Narrow, class Wide>
Range<Wide> extend(Range<Wide> ends) {
    const auto first = static_cast<Wide>(static_cast<Narrow>(ends.min)), last = static_cast<Wide>(static_cast<Narrow>(ends.max));
    return first <= last ? Range<Wide>{first, last} : Range<Wide>{last, first};
}

// The range after sign extension from `size` bytes.  Precise only when the ends agree above those bytes and have, extended, the same sign;
// else all that `size` bytes can hold.
template <class Wide>
Range<Wide> sign_extended(Range<Wide> range, unsigned size, bool& precise) {
    using Bits = std::make_unsigned_t<Wide>;
    const unsigned width = size * 8;
    const auto from = [size](Range<Wide> ends) {
        return size == 1 ? extend<int8_t>(ends) : size == 2 ? extend<int16_t>(ends) : extend<int32_t>(ends);
    };
    const auto result = from(range);
    precise = (static_cast<Bits>(range.min) >> width) == (static_cast<Bits>(range.max) >> width) && (result.min < 0) == (result.max < 0);
    if (precise) return result;
    const auto top = static_cast<Wide>(Bits{1} << (width - 1));
    return {static_cast<Wide>(-top), static_cast<Wide>(top - 1)};
}

uint64_t sign_extended_number(uint64_t number, unsigned size) {
    const unsigned unused = 64 - size * 8;
    return static_cast<uint64_t>(static_cast<int64_t>(number << unused) >> unused);
}

}  // namespace

Scalar Scalar::constant(uint64_t value) {
    return {.var_off = Tnum::constant(value),
            .s64 = Range<int64_t>::only(static_cast<int64_t>(value)),
            .u64 = Range<uint64_t>::only(value),
            .s32 = Range<int32_t>::only(static_cast<int32_t>(value)),
            .u32 = Range<uint32_t>::only(static_cast<uint32_t>(value))};
}

Scalar Scalar::between(uint64_t min, uint64_t max) {
    Scalar result;
    result.u64 = {min, max};
    result.sync_bounds();
    return result;
}

bool Scalar::contains(uint64_t value) const {
    return var_off.contains(value) && s64.contains(static_cast<int64_t>(value)) && u64.contains(value) &&
           s32.contains(static_cast<int32_t>(value)) && u32.contains(static_cast<uint32_t>(value));
}

bool Scalar::covers(const Scalar& other) const {
    return u64.contains(other.u64) && s64.contains(other.s64) && u32.contains(other.u32) && s32.contains(other.s32) &&
           var_off.contains(other.var_off);
}

void Scalar::learn_from_bits() {
    const Tnum low = var_off.subreg();
    narrow_by_bits(s32, u32, low.value, low.mask);
    narrow_by_bits(s64, u64, var_off.value, var_off.mask);
}

void Scalar::sync_bounds() {
    learn_from_bits();
    deduce(*this);
    deduce(*this);
    deduce(*this);
    learn_bits(*this);
    learn_from_bits();
}

void Scalar::zero_extend_32() {
    var_off = var_off.subreg();
    u64 = cast_range<uint64_t>(u32);
    s64 = s32.min >= 0 && s32.max >= 0 ? cast_range<int64_t>(s32) : Range<int64_t>{0, UINT32_MAX};
    sync_bounds();
}

void Scalar::truncate(unsigned size) {
    if (size >= 8) return;
    const uint64_t kept = (uint64_t{1} << (size * 8)) - 1;
    var_off = var_off.cast(size);
    u64 = (u64.min & ~kept) == (u64.max & ~kept) ? Range<uint64_t>{u64.min & kept, u64.max & kept} : Range<uint64_t>{0, kept};
    s64 = cast_range<int64_t>(u64);
    if (size < 4) {
        s32 = {};
        u32 = {};
    }
    sync_bounds();
}

void Scalar::sign_extend_64(unsigned size) {
    if (size >= 8) return;
    if (var_off.is_const()) {
        *this = constant(sign_extended_number(var_off.value, size));
        return;
    }
    bool precise = false;
    s64 = sign_extended(s64, size, precise);
    s32 = cast_range<int32_t>(s64);
    u64 = precise ? cast_range<uint64_t>(s64) : Range<uint64_t>::full();
    u32 = precise ? cast_range<uint32_t>(s64) : Range<uint32_t>::full();
    var_off = precise ? Tnum::range(u64.min, u64.max) : Tnum::unknown();
}

void Scalar::sign_extend_32(unsigned size) {
    if (size < 4) {
        if (var_off.is_const()) {
            const auto low = static_cast<uint32_t>(sign_extended_number(var_off.value, size));
            var_off = Tnum::constant(low);
            s32 = Range<int32_t>::only(static_cast<int32_t>(low));
            u32 = Range<uint32_t>::only(low);
        } else {
            bool precise = false;
            s32 = sign_extended(s32, size, precise);
            u32 = precise ? cast_range<uint32_t>(s32) : Range<uint32_t>::full();
            var_off = precise ? Tnum::range(u32.min, u32.max) : Tnum::unknown().subreg();
        }
    }
    zero_extend_32();
}

void Scalar::forget_ranges() {
    s64 = {};
    u64 = {};
    s32 = {};
    u32 = {};
}

const char* Scalar::violation() const {
    if (!u64.valid() || !s64.valid() || !u32.valid() || !s32.valid()) return "range bounds violation";
    const Scalar number = constant(var_off.value);
    if (var_off.is_const() && !(u64 == number.u64 && s64 == number.s64)) return "const tnum out of sync with range bounds";
    if (var_off.subreg_is_const() && !(u32 == number.u32 && s32 == number.s32)) return "const subreg tnum out of sync with range bounds";
    return nullptr;
}

}  // namespace graft::verify
