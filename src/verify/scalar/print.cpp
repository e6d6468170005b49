#include "verify/scalar/print.h"

#include <fmt/core.h>

#include <array>
#include <string_view>

namespace graft::verify {
namespace {

constexpr bool short_signed(int64_t number) { return number >= INT16_MIN && number <= INT16_MAX; }

// A 32-bit signed number in 64 bits: sign-extended when it prints in decimal, else not, so that it prints as 8 digits.
constexpr uint64_t widen(int32_t number) {
    return short_signed(number) ? static_cast<uint64_t>(int64_t{number}) : uint64_t{static_cast<uint32_t>(number)};
}

struct Attribute {
    std::string_view name;
    uint64_t number;
    bool is_signed;
    bool silent;  // it says nothing, or another one has said it

    [[nodiscard]] bool negative() const { return is_signed && static_cast<int64_t>(number) < 0; }
};

}  // namespace

std::string signed_number(int64_t number) {
    return short_signed(number) ? fmt::format("{}", number) : fmt::format("{:#x}", static_cast<uint64_t>(number));
}

std::string unsigned_number(uint64_t number) { return number <= UINT16_MAX ? fmt::format("{}", number) : fmt::format("{:#x}", number); }

std::string describe(const Scalar& r) {
    std::array<Attribute, 8> attributes{{
        {"smin", static_cast<uint64_t>(r.s64.min), true, r.s64.min == INT64_MIN},
        {"smax", static_cast<uint64_t>(r.s64.max), true, r.s64.max == INT64_MAX},
        {"umin", r.u64.min, false, r.u64.min == 0},
        {"umax", r.u64.max, false, r.u64.max == UINT64_MAX},
        {"smin32", widen(r.s32.min), true, r.s32.min == INT32_MIN},
        {"smax32", widen(r.s32.max), true, r.s32.max == INT32_MAX},
        {"umin32", r.u32.min, false, r.u32.min == 0},
        {"umax32", r.u32.max, false, r.u32.max == UINT32_MAX},
    }};
    std::string text;
    for (size_t i = 0; i < attributes.size(); ++i) {
        const Attribute& first = attributes[i];
        if (first.silent) continue;
        if (!text.empty()) text += ',';
        text.append(first.name).append("=");
        // A minimum shares with minima only, a maximum with maxima; the number is printed once, the way the first of them would.
        for (size_t j = i + 2; j < attributes.size(); j += 2) {
            Attribute& other = attributes[j];
            if (other.silent || other.number != first.number || other.negative() != first.negative()) continue;
            other.silent = true;
            text.append(other.name).append("=");
        }
        text += first.is_signed ? signed_number(static_cast<int64_t>(first.number)) : unsigned_number(first.number);
    }
    if (r.var_off.is_unknown()) return text;
    if (!text.empty()) text += ',';
    return text.append("var_off=").append(r.var_off.text());
}

std::string describe_violation(const Scalar& r) {
    return fmt::format("u64=[{:#x}, {:#x}] s64=[{:#x}, {:#x}] u32=[{:#x}, {:#x}] s32=[{:#x}, {:#x}] var_off=({:#x}, {:#x})", r.u64.min,
                       r.u64.max, static_cast<uint64_t>(r.s64.min), static_cast<uint64_t>(r.s64.max), r.u32.min, r.u32.max,
                       static_cast<uint32_t>(r.s32.min), static_cast<uint32_t>(r.s32.max), r.var_off.value, r.var_off.mask);
}

}  // namespace graft::verify
