#include "map/pointer_array.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace graft {
namespace {

std::vector<uint64_t> held(const PointerArray<int>& array) {
    std::vector<uint64_t> found;
    array.for_each([&](uint64_t index) { found.push_back(index); });
    return found;
}

TEST(PointerArray, WhatWasPutInIsWalkedInOrder) {
    int value = 0;
    // Around the ends of what one bit and one word stand for.
    constexpr uint64_t bit = 512, word = 64 * bit;
    for (const uint64_t size : {uint64_t{1}, bit - 1, bit, bit + 1, word, word + 1, 3 * word - 7}) {
        auto array = PointerArray<int>::create(size).value();
        EXPECT_EQ(held(array), std::vector<uint64_t>{});
        std::set<uint64_t> expected;
        for (const uint64_t index :
             {uint64_t{0}, uint64_t{1}, bit - 1, bit, bit + 3, 5 * bit, word - 1, word, word + bit, 2 * word + 1, size - 1}) {
            if (index >= size) continue;
            EXPECT_EQ(array.exchange(index, &value), expected.insert(index).second ? nullptr : &value);
        }
        EXPECT_EQ(held(array), std::vector<uint64_t>(expected.begin(), expected.end())) << size;
        for (uint64_t from = 0; from < size; from += 97) {
            const auto next = expected.lower_bound(from);
            EXPECT_EQ(array.next(from), next == expected.end() ? size : *next) << from;
        }
        while (!expected.empty()) {
            EXPECT_EQ(array.exchange(*expected.begin(), nullptr), &value);
            expected.erase(expected.begin());
            EXPECT_EQ(held(array), std::vector<uint64_t>(expected.begin(), expected.end())) << size;
        }
    }
}

// The rest of such an array is never read: that would take seconds for each walk.
TEST(PointerArray, ThousandsOfMillionsOfSlots) {
    constexpr uint64_t size = uint64_t{1} << 30;
    auto made = PointerArray<int>::create(size);
    if (made.code() == ENOMEM) GTEST_SKIP() << "this host has less than 8 GiB";
    PointerArray<int>& array = made.value();
    int value = 0;
    for (const uint64_t index : {uint64_t{7}, size - 1}) EXPECT_EQ(array.exchange(index, &value), nullptr);
    for (int walks = 0; walks < 100; ++walks) EXPECT_EQ(held(array), (std::vector<uint64_t>{7, size - 1}));
}

}  // namespace
}  // namespace graft
