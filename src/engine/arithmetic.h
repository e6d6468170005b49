// BPF's arithmetic, where it differs from C++'s: total, and wrapping.
//
// U is uint32_t or uint64_t.  Division by zero gives 0, modulo zero the dividend; the smallest number divided by -1 is itself.  Shifts take
// the count modulo the width.  Source: Documentation/bpf/standardization/instruction-set.rst.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace graft::arithmetic {

template <class U>
using Signed = std::make_signed_t<U>;
template <class U>
inline constexpr unsigned shift_mask = sizeof(U) * 8 - 1;

template <class U>
constexpr U add(U a, U b) {
    return a + b;
}
template <class U>
constexpr U sub(U a, U b) {
    return a - b;
}
template <class U>
constexpr U mul(U a, U b) {
    return a * b;
}
template <class U>
constexpr U div(U a, U b) {
    return b == 0 ? 0 : a / b;
}
template <class U>
constexpr U mod(U a, U b) {
    return b == 0 ? a : a % b;
}
template <class U>
constexpr U sdiv(U a, U b) {
    if (b == 0) return 0;
    if (b == std::numeric_limits<U>::max()) return U{0} - a;  // by -1
    return static_cast<U>(static_cast<Signed<U>>(a) / static_cast<Signed<U>>(b));
}
template <class U>
constexpr U smod(U a, U b) {
    if (b == 0) return a;
    if (b == std::numeric_limits<U>::max()) return 0;
    return static_cast<U>(static_cast<Signed<U>>(a) % static_cast<Signed<U>>(b));
}
template <class U>
constexpr U bit_or(U a, U b) {
    return a | b;
}
template <class U>
constexpr U bit_and(U a, U b) {
    return a & b;
}
template <class U>
constexpr U bit_xor(U a, U b) {
    return a ^ b;
}
template <class U>
constexpr U lsh(U a, U b) {
    return a << (b & shift_mask<U>);
}
template <class U>
constexpr U rsh(U a, U b) {
    return a >> (b & shift_mask<U>);
}
template <class U>
constexpr U arsh(U a, U b) {
    return static_cast<U>(static_cast<Signed<U>>(a) >> (b & shift_mask<U>));
}
template <class U>
constexpr U mov(U, U b) {
    return b;
}

template <class U>
constexpr bool jeq(U a, U b) {
    return a == b;
}
template <class U>
constexpr bool jne(U a, U b) {
    return a != b;
}
template <class U>
constexpr bool jgt(U a, U b) {
    return a > b;
}
template <class U>
constexpr bool jge(U a, U b) {
    return a >= b;
}
template <class U>
constexpr bool jlt(U a, U b) {
    return a < b;
}
template <class U>
constexpr bool jle(U a, U b) {
    return a <= b;
}
template <class U>
constexpr bool jset(U a, U b) {
    return (a & b) != 0;
}
template <class U>
constexpr bool jsgt(U a, U b) {
    return static_cast<Signed<U>>(a) > static_cast<Signed<U>>(b);
}
template <class U>
constexpr bool jsge(U a, U b) {
    return static_cast<Signed<U>>(a) >= static_cast<Signed<U>>(b);
}
template <class U>
constexpr bool jslt(U a, U b) {
    return static_cast<Signed<U>>(a) < static_cast<Signed<U>>(b);
}
template <class U>
constexpr bool jsle(U a, U b) {
    return static_cast<Signed<U>>(a) <= static_cast<Signed<U>>(b);
}

// The low bits of `value` as a number of type From, widened with its sign.
template <class From, class U>
constexpr U sign_extend(U value) {
    return static_cast<U>(static_cast<Signed<U>>(static_cast<From>(value)));
}

}  // namespace graft::arithmetic
