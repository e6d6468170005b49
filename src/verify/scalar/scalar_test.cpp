// Soundness: what the machine can do with members of two Scalars, the Scalars that come out hold; by brute force over small numbers around
// every place where a view jumps, and by samples of all numbers.  That nothing is less or more precise than on Linux 6.12 is asked by
// precision_test.cpp.
#include "verify/scalar/scalar.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "verify/scalar/branch.h"
#include "verify/scalar/concrete.h"
#include "verify/scalar/print.h"

namespace graft::verify {
namespace {

using concrete::alu_ops;
using concrete::jump_ops;

// A Scalar and all of its members.
struct Small {
    Scalar scalar;
    std::vector<uint64_t> members;
};

// All ranges of numbers at most `reach` from a centre, which may be any number: across a jump the range is signed, or 32-bit, or bits only.
std::vector<Small> ranges_around(uint64_t centre, uint64_t reach) {
    std::vector<Small> result;
    for (uint64_t first = centre - reach; first != centre + reach + 1; ++first) {
        Small small;
        for (uint64_t last = first; last != centre + reach + 1; ++last) {
            small.members.push_back(last);
            small.scalar = {};
            if (first <= last) small.scalar.u64 = {first, last};
            if (static_cast<int64_t>(first) <= static_cast<int64_t>(last))
                small.scalar.s64 = {static_cast<int64_t>(first), static_cast<int64_t>(last)};
            small.scalar.sync_bounds();
            result.push_back(small);
        }
    }
    return result;
}

// All tnums of four bits at `place`.
std::vector<Small> bits_at(unsigned place) {
    std::vector<Small> result;
    for (uint64_t mask = 0; mask < 16; ++mask) {
        for (uint64_t value = 0; value < 16; ++value) {
            if ((value & mask) != 0) continue;
            Small small;
            small.scalar.var_off = {value << place, mask << place};
            small.scalar.sync_bounds();
            for (uint64_t member = 0; member < 16; ++member) {
                if ((member & ~mask) == value) small.members.push_back(member << place);
            }
            result.push_back(small);
        }
    }
    return result;
}

std::string pair_text(const Small& a, const Small& b) { return describe(a.scalar) + " and " + describe(b.scalar); }

void check_alu(const Small& a, const Small& b) {
    for (const uint8_t op : alu_ops) {
        for (const bool is64 : {false, true}) {
            const Scalar result = apply_alu(op, is64, a.scalar, b.scalar);
            const auto fork = fork_before_alu(op, a.scalar, b.scalar);
            for (const uint64_t x : a.members) {
                if (fork) {
                    ASSERT_TRUE(fork->zero.contains(x) || fork->minus_one.contains(x)) << x << " of " << describe(a.scalar);
                }
                for (const uint64_t y : b.members) {
                    ASSERT_TRUE(result.contains(concrete::alu(op, is64, x, y)))
                        << pair_text(a, b) << " op " << int{op} << (is64 ? " of 64: " : " of 32: ") << x << " and " << y << " not in "
                        << describe(result);
                }
            }
        }
    }
}

void check_branch(const Small& a, const Small& b) {
    for (const uint8_t op : jump_ops) {
        for (const bool is32 : {false, true}) {
            const Verdict verdict = branch_taken(op, is32, a.scalar, b.scalar);
            std::array<Scalar, 2> x{a.scalar, a.scalar}, y{b.scalar, b.scalar};  // by outcome
            refine(op, is32, x[1], y[1], x[0], y[0]);
            for (const uint64_t p : a.members) {
                for (const uint64_t q : b.members) {
                    const bool holds = concrete::holds(op, is32, p, q);
                    ASSERT_NE(verdict, holds ? Verdict::never : Verdict::always) << pair_text(a, b) << " op " << int{op} << ' ' << is32;
                    ASSERT_TRUE(x[holds].contains(p) && y[holds].contains(q))
                        << pair_text(a, b) << " op " << int{op} << (is32 ? " of 32: " : " of 64: ") << p << " and " << q << " not in "
                        << describe(x[holds]) << " and " << describe(y[holds]);
                }
            }
        }
    }
}

template <class Check>
void for_small_pairs(Check check) {
    std::vector<Small> smalls;
    for (const uint64_t centre :
         {uint64_t{0}, uint64_t{0x80}, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63, uint64_t{0xffffffff80000000}}) {
        for (Small& s : ranges_around(centre, 2)) smalls.push_back(std::move(s));
    }
    for (const unsigned place : {0U, 30U, 60U}) {
        for (Small& s : bits_at(place)) smalls.push_back(std::move(s));
    }
    for (const Small& a : smalls) {
        for (const Small& b : smalls) {
            ASSERT_NO_FATAL_FAILURE(check(a, b));
        }
    }
}

TEST(ScalarBruteForce, Members) {
    for (const uint64_t centre : {uint64_t{0}, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63}) {
        for (const Small& s : ranges_around(centre, 16)) {
            for (const uint64_t member : s.members) ASSERT_TRUE(s.scalar.contains(member)) << describe(s.scalar) << " lost " << member;
            ASSERT_TRUE(s.scalar.consistent()) << describe_violation(s.scalar);
        }
    }
}

TEST(ScalarBruteForce, Alu) { for_small_pairs(check_alu); }
TEST(ScalarBruteForce, Branch) { for_small_pairs(check_branch); }

// All ranges of 8 bits, and all tnums of 8 bits, through everything that looks at 8 bits.
void check_conversions(const Scalar& scalar, uint64_t member) {
    for (const unsigned size : {1U, 2U, 4U}) {
        Scalar truncated = scalar, extended = scalar, extended32 = scalar;
        truncated.truncate(size);
        ASSERT_TRUE(truncated.contains(member & ((uint64_t{1} << (8 * size)) - 1))) << describe(scalar) << " to " << size;
        extended.sign_extend_64(size);
        ASSERT_TRUE(extended.contains(concrete::sign_extend(member, size))) << describe(scalar) << " to " << size;
        extended32.sign_extend_32(size);
        ASSERT_TRUE(extended32.contains(static_cast<uint32_t>(concrete::sign_extend(member, size)))) << describe(scalar) << " to " << size;
    }
    Scalar zero_extended = scalar;
    zero_extended.zero_extend_32();
    ASSERT_TRUE(zero_extended.contains(static_cast<uint32_t>(member))) << describe(scalar);
}

TEST(ScalarBruteForce, ConversionsOfRanges) {
    for (const uint64_t centre : {uint64_t{0}, uint64_t{0x8000}, uint64_t{0x80000000}}) {
        for (int low = -160; low <= 160; ++low) {
            for (int high = low; high <= 160; high += 3) {
                Scalar r;
                r.s64 = {static_cast<int64_t>(centre) + low, static_cast<int64_t>(centre) + high};
                r.sync_bounds();
                for (int member = low; member <= high; member += 1 + (high - low) / 8)
                    ASSERT_NO_FATAL_FAILURE(check_conversions(r, centre + static_cast<uint64_t>(int64_t{member})));
                ASSERT_NO_FATAL_FAILURE(check_conversions(r, centre + static_cast<uint64_t>(int64_t{high})));
            }
        }
    }
}

TEST(ScalarBruteForce, ConversionsOfBits) {
    for (uint64_t mask = 0; mask < 256; ++mask) {
        for (uint64_t value = 0; value < 256; ++value) {
            if ((value & mask) != 0) continue;
            for (const unsigned place : {0U, 4U, 12U, 28U}) {
                Scalar r;
                r.var_off = {value << place, mask << place};
                r.sync_bounds();
                for (const uint64_t member : {value, value | mask, value | (mask & 0x55), value | (mask & 0x80)})
                    ASSERT_NO_FATAL_FAILURE(check_conversions(r, member << place));
            }
        }
    }
}

// --- all numbers, sampled ---------------------------------------------------------------

class Sampler {
public:
    uint64_t number() {
        const uint64_t bits = random_() >> (random_() % 64);
        switch (random_() % 4) {
            case 0:
                return bits;
            case 1:
                return ~bits;
            case 2:
                return (uint64_t{1} << (random_() % 64)) + random_() % 5 - 2;
            default:
                return static_cast<uint64_t>(static_cast<int64_t>(random_()) >> (random_() % 64));
        }
    }
    // A Scalar that holds `member`: each view widened from it by chance.
    Scalar around(uint64_t member) {
        Scalar r;
        if (random_() % 8 == 0) return Scalar::constant(member);
        if (random_() % 2) {
            const uint64_t mask = random_() % 2 ? random_() & random_() : number();
            r.var_off = {member & ~mask, mask};
        }
        if (random_() % 2) r.u64 = reach(member);
        if (random_() % 2) r.s64 = reach(static_cast<int64_t>(member));
        if (random_() % 2) r.u32 = reach(static_cast<uint32_t>(member));
        if (random_() % 2) r.s32 = reach(static_cast<int32_t>(member));
        if (random_() % 8) r.sync_bounds();
        return r;
    }
    bool flip() { return random_() % 2 != 0; }
    template <size_t N>
    uint8_t one_of(const uint8_t (&set)[N]) {
        return set[random_() % N];
    }

private:
    template <class T>
    Range<T> reach(T member) {
        Range<T> range{static_cast<T>(static_cast<uint64_t>(member) - (number() >> 1)),
                       static_cast<T>(static_cast<uint64_t>(member) + (number() >> 1))};
        if (range.min > member || random_() % 4 == 0) range.min = member;
        if (range.max < member || random_() % 4 == 0) range.max = member;
        if (random_() % 8 == 0) range.min = std::numeric_limits<T>::min();
        if (random_() % 8 == 0) range.max = std::numeric_limits<T>::max();
        return range;
    }

    std::mt19937_64 random_{20200929};
};

constexpr int samples = 300000;

TEST(ScalarSamples, Alu) {
    Sampler sampler;
    for (int i = 0; i < samples; ++i) {
        Small a, b;
        a.members = {sampler.number()};
        b.members = {sampler.flip() ? sampler.number() : sampler.number() % 64};
        a.scalar = sampler.around(a.members[0]);
        b.scalar = sampler.flip() ? Scalar::constant(b.members[0]) : sampler.around(b.members[0]);
        ASSERT_TRUE(a.scalar.contains(a.members[0]));
        const uint8_t op = sampler.one_of(alu_ops);
        const bool is64 = sampler.flip();
        const Scalar result = apply_alu(op, is64, a.scalar, b.scalar);
        ASSERT_TRUE(result.contains(concrete::alu(op, is64, a.members[0], b.members[0])))
            << pair_text(a, b) << " op " << int{op} << ' ' << is64 << ": " << a.members[0] << ' ' << b.members[0];
        ASSERT_NO_FATAL_FAILURE(check_conversions(a.scalar, a.members[0]));
        ASSERT_TRUE(add_to_pointer(a.scalar, b.scalar).contains(a.members[0] + b.members[0]));
        ASSERT_TRUE(sub_from_pointer(a.scalar, b.scalar).contains(a.members[0] - b.members[0]));
        ASSERT_TRUE(add_unsynced(a.scalar, b.scalar).contains(a.members[0] + b.members[0]));
    }
}

TEST(ScalarSamples, Branch) {
    Sampler sampler;
    for (int i = 0; i < samples / 4; ++i) {
        Small a, b;
        a.members = {sampler.number()};
        b.members = {sampler.flip() ? sampler.number() : a.members[0] + sampler.number() % 3};
        a.scalar = sampler.around(a.members[0]);
        b.scalar = sampler.around(b.members[0]);
        ASSERT_NO_FATAL_FAILURE(check_branch(a, b));
        ASSERT_NO_FATAL_FAILURE(check_branch(b, a));
    }
}

// A range and known bits of 8-bit numbers, with all its members; the number may be signed.
Small byte_set(Sampler& sampler) {
    const uint64_t bias = sampler.flip() ? 0 : 128, member = sampler.number() % 256, mask = sampler.number() % 256;
    Small small;
    for (uint64_t value = 0; value < 256; ++value) {
        if ((value & ~mask) == (member & ~mask) && value <= (member | 0x1f)) small.members.push_back(value - bias);
    }
    const auto least = static_cast<int64_t>(small.members.front()), greatest = static_cast<int64_t>(small.members.back());
    small.scalar.s64 = {least, greatest};
    if (bias == 0) small.scalar.var_off = {member & ~mask, mask};
    small.scalar.sync_bounds();
    return small;
}

TEST(ScalarSamples, BytesWithAllTheirMembers) {
    Sampler sampler;
    for (int i = 0; i < 4000; ++i) {
        const Small a = byte_set(sampler), b = byte_set(sampler);
        ASSERT_NO_FATAL_FAILURE(check_alu(a, b));
        ASSERT_NO_FATAL_FAILURE(check_branch(a, b));
    }
}

TEST(Scalar, RefinesOneRegisterComparedWithItself) {
    for (const uint8_t op : jump_ops) {
        for (const bool is32 : {false, true}) {
            Scalar equal = Scalar::between(3, 200), unequal = equal;
            refine(op, is32, equal, equal, unequal, unequal);
            Scalar& possible = concrete::holds(op, is32, 100, 100) ? equal : unequal;
            EXPECT_TRUE(possible.contains(3) && possible.contains(100) && possible.contains(200)) << int{op};
        }
    }
}

TEST(Scalar, ContradictionIsToldAndForgotten) {
    Scalar r = Scalar::between(5, 9);
    r.u64.narrow({20, 30});
    EXPECT_STREQ(r.violation(), "range bounds violation");
    r.forget_ranges();
    EXPECT_TRUE(r.consistent());
    r.var_off = Tnum::constant(7);
    EXPECT_STREQ(r.violation(), "const tnum out of sync with range bounds");
    r = Scalar::unknown();
    r.var_off = {7, ~uint64_t{UINT32_MAX}};
    EXPECT_STREQ(r.violation(), "const subreg tnum out of sync with range bounds");
    EXPECT_EQ(describe_violation(r),
              "u64=[0x0, 0xffffffffffffffff] s64=[0x8000000000000000, 0x7fffffffffffffff] u32=[0x0, 0xffffffff] "
              "s32=[0x80000000, 0x7fffffff] var_off=(0x7, 0xffffffff00000000)");
}

TEST(Scalar, CoversComparesEveryView) {
    const Scalar wide = Scalar::between(0, 255), narrow = Scalar::between(16, 31);
    EXPECT_TRUE(wide.covers(narrow));
    EXPECT_FALSE(narrow.covers(wide));
    EXPECT_TRUE(Scalar::unknown().covers(wide));
    Scalar odd = wide;
    odd.var_off = {1, 0xfe};
    EXPECT_FALSE(odd.covers(narrow));
}

TEST(ScalarText, GroupsEqualNumbers) {
    EXPECT_EQ(describe(Scalar::unknown()), "");
    Scalar r;
    r.truncate(1);
    EXPECT_EQ(describe(r), "smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff)");
    r = Scalar::unknown();
    r.sign_extend_64(1);
    EXPECT_EQ(describe(r), "smin=smin32=-128,smax=smax32=127");
    r = Scalar::unknown();
    r.sign_extend_64(4);
    EXPECT_EQ(describe(r), "smin=0xffffffff80000000,smax=0x7fffffff");
}

TEST(ScalarText, Numbers) {
    EXPECT_EQ(signed_number(-32768), "-32768");
    EXPECT_EQ(signed_number(-32769), "0xffffffffffff7fff");
    EXPECT_EQ(signed_number(32767), "32767");
    EXPECT_EQ(signed_number(32768), "0x8000");
    EXPECT_EQ(unsigned_number(65535), "65535");
    EXPECT_EQ(unsigned_number(65536), "0x10000");
}

}  // namespace
}  // namespace graft::verify
