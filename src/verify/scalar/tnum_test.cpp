// All tnums of a few bits, against all their members.
#include "verify/scalar/tnum.h"

#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace graft::verify {
namespace {

// Each of the 3^width tnums whose unknown and set bits lie in the lowest `width` bits, moved up by `place`.
std::vector<Tnum> all_tnums(unsigned width, unsigned place) {
    std::vector<Tnum> result;
    for (uint64_t mask = 0; mask < uint64_t{1} << width; ++mask) {
        for (uint64_t value = 0; value < uint64_t{1} << width; ++value) {
            if ((value & mask) == 0) result.push_back({value << place, mask << place});
        }
    }
    return result;
}

std::vector<uint64_t> members(Tnum t) {
    std::vector<uint64_t> result;
    uint64_t unknown = 0;
    do {
        result.push_back(t.value | unknown);
        unknown = (unknown - t.mask) & t.mask;  // the next number within the mask
    } while (unknown != 0);
    return result;
}

struct BinaryRow {
    const char* name;
    std::function<Tnum(Tnum, Tnum)> abstract;
    std::function<uint64_t(uint64_t, uint64_t)> concrete;
    bool best;  // no smaller tnum would hold all the results
};
void PrintTo(const BinaryRow& row, std::ostream* out) { *out << row.name; }

class TnumBinary : public testing::TestWithParam<BinaryRow> {};

TEST_P(TnumBinary, HoldsEveryResult) {
    const BinaryRow& row = GetParam();
    for (const unsigned place : {0U, 29U, 58U}) {
        const auto tnums = all_tnums(6, place);
        std::vector<std::vector<uint64_t>> elements;
        elements.reserve(tnums.size());
        for (const Tnum t : tnums) elements.push_back(members(t));
        for (size_t i = 0; i < tnums.size(); ++i) {
            for (size_t j = 0; j < tnums.size(); ++j) {
                const Tnum result = row.abstract(tnums[i], tnums[j]);
                ASSERT_EQ(result.value & result.mask, 0U);
                Tnum needed = Tnum::constant(row.concrete(elements[i][0], elements[j][0]));
                for (const uint64_t a : elements[i]) {
                    for (const uint64_t b : elements[j]) needed = unite(needed, Tnum::constant(row.concrete(a, b)));
                }
                ASSERT_TRUE(result.contains(needed)) << tnums[i].text() << " " << tnums[j].text() << " -> " << result.text();
                if (row.best) {
                    ASSERT_EQ(result, needed) << tnums[i].text() << " " << tnums[j].text();
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, TnumBinary,
                         testing::Values(BinaryRow{"add", [](Tnum a, Tnum b) { return add(a, b); }, std::plus<uint64_t>(), true},
                                         BinaryRow{"sub", [](Tnum a, Tnum b) { return sub(a, b); }, std::minus<uint64_t>(), true},
                                         BinaryRow{"mul", [](Tnum a, Tnum b) { return mul(a, b); }, std::multiplies<uint64_t>(), false},
                                         BinaryRow{"and", [](Tnum a, Tnum b) { return bit_and(a, b); }, std::bit_and<uint64_t>(), true},
                                         BinaryRow{"or", [](Tnum a, Tnum b) { return bit_or(a, b); }, std::bit_or<uint64_t>(), true},
                                         BinaryRow{"xor", [](Tnum a, Tnum b) { return bit_xor(a, b); }, std::bit_xor<uint64_t>(), true}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Tnum, Shifts) {
    for (const unsigned place : {0U, 27U, 56U}) {
        for (const Tnum t : all_tnums(8, place)) {
            for (const uint64_t member : members(t)) {
                for (const unsigned shift : {0U, 1U, 5U, 31U}) {
                    ASSERT_TRUE(lsh(t, shift).contains(member << shift));
                    ASSERT_TRUE(rsh(t, shift).contains(member >> shift));
                    ASSERT_TRUE(arsh(t, shift, 64).contains(static_cast<uint64_t>(static_cast<int64_t>(member) >> shift)));
                    ASSERT_TRUE(arsh(t, shift, 32).contains(static_cast<uint32_t>(static_cast<int32_t>(member) >> shift)));
                }
            }
        }
    }
}

TEST(Tnum, RangeIsTheSmallestThatHoldsBothEnds) {
    for (const uint64_t base : {uint64_t{0}, uint64_t{0xffffff80}, uint64_t{0x7fffffffffffff80}}) {
        for (uint64_t min = base; min < base + 256; ++min) {
            Tnum needed = Tnum::constant(min);
            for (uint64_t max = min; max < base + 256; ++max) {
                needed = unite(needed, Tnum::constant(max));
                ASSERT_TRUE(Tnum::range(min, max).contains(needed));
                // all bits below the first that differs are unknown, also where the ends agree in them
                ASSERT_EQ(Tnum::range(min, max).mask >> 1, min == max ? 0 : std::bit_floor(min ^ max) - 1);
            }
        }
    }
    EXPECT_TRUE(Tnum::range(0, UINT64_MAX).is_unknown());
}

TEST(Tnum, SetsOfPairs) {
    const auto tnums = all_tnums(4, 30);
    for (const Tnum a : tnums) {
        for (const Tnum b : tnums) {
            bool subset = true, meet = false;
            for (const uint64_t v : members(b)) {
                ASSERT_TRUE(unite(a, b).contains(v));
                subset &= a.contains(v);
                if (!a.contains(v)) continue;
                meet = true;
                ASSERT_TRUE(intersect(a, b).contains(v));
            }
            ASSERT_EQ(a.contains(b), subset);
            ASSERT_EQ(a.disjoint(b), !meet);
            ASSERT_TRUE(unite(a, b).contains(a));
        }
    }
}

TEST(Tnum, Halves) {
    const Tnum t{0x1200000034, 0xf0000000f00};
    EXPECT_EQ(t.subreg(), (Tnum{0x34, 0xf00}));
    EXPECT_EQ(t.clear_subreg(), (Tnum{0x1200000000, 0xf0000000000}));
    EXPECT_EQ(t.with_subreg({0x1100000005, 0x2}), (Tnum{0x1200000005, 0xf0000000002}));
    EXPECT_EQ(t.with_const_subreg(7), (Tnum{0x1200000007, 0xf0000000000}));
    EXPECT_FALSE(t.subreg_is_const());
    EXPECT_TRUE((Tnum{0x12, 0xf00000000}).subreg_is_const());
    EXPECT_EQ((Tnum{0x1234, 0x8100}).cast(1), Tnum::constant(0x34));
    EXPECT_EQ(Tnum::unknown().cast(8), Tnum::unknown());
    EXPECT_EQ(Tnum::unknown().cast(2), (Tnum{0, 0xffff}));
}

TEST(Tnum, Aligned) {
    EXPECT_TRUE((Tnum{0x10, 0xf0 & ~uint64_t{0x10}}).is_aligned(16));
    EXPECT_FALSE((Tnum{0x10, 0x08}).is_aligned(16));
    EXPECT_FALSE((Tnum{0x18, 0}).is_aligned(16));
    EXPECT_TRUE(Tnum::unknown().is_aligned(0));
    EXPECT_TRUE(Tnum::unknown().is_aligned(1));
}

TEST(Tnum, Text) {
    EXPECT_EQ(Tnum::constant(0).text(), "0x0");
    EXPECT_EQ(Tnum::constant(42).text(), "0x2a");
    EXPECT_EQ((Tnum{0, 0xff}).text(), "(0x0; 0xff)");
    EXPECT_EQ(Tnum::unknown().text(), "(0x0; 0xffffffffffffffff)");
}

}  // namespace
}  // namespace graft::verify
