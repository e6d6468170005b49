// Range<T>: the numbers from min to max, both included; T is one of the four integers of a register's view.
//
// A pure value.  narrow() may leave min > max: a contradiction, which valid() tells; it means that no value is possible (or, where several
// views of a register are kept apart, that they have learnt different things about an impossible path).
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

namespace graft::verify {

template <std::integral T>
struct Range {
    T min = std::numeric_limits<T>::min();  // an unset Range knows nothing
    T max = std::numeric_limits<T>::max();

    [[nodiscard]] static constexpr Range full() { return {}; }
    [[nodiscard]] static constexpr Range only(T v) { return {v, v}; }

    [[nodiscard]] constexpr bool valid() const { return min <= max; }
    [[nodiscard]] constexpr bool is_const() const { return min == max; }
    [[nodiscard]] constexpr bool contains(T v) const { return min <= v && v <= max; }
    [[nodiscard]] constexpr bool contains(Range other) const { return min <= other.min && other.max <= max; }
    [[nodiscard]] constexpr bool disjoint(Range other) const { return max < other.min || other.max < min; }

    // Keep what is in both.
    constexpr void narrow(Range other) {
        if (other.min > min) min = other.min;
        if (other.max < max) max = other.max;
    }

    friend constexpr bool operator==(const Range&, const Range&) = default;
};

}  // namespace graft::verify
