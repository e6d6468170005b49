// BPF_MAP_*_BATCH: how many elements a call moves, where the next one goes on, and what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "support/call.h"

namespace test {
namespace {

using u32 = uint32_t;
using u64 = uint64_t;

// One batch call.  `in` and `out` are the cursors; their size is what the map type wants, at most 8 bytes here.
struct Batch {
    long call(int command, const Fd& map) {
        Attr attr;
        attr->batch.in_batch = in;
        attr->batch.out_batch = out;
        attr->batch.keys = pointer(keys);
        attr->batch.values = pointer(values);
        attr->batch.count = count;
        attr->batch.map_fd = map.u();
        attr->batch.elem_flags = element_flags;
        attr->batch.flags = flags;
        long answer = attr.call(command);
        count = attr->batch.count;
        return answer;
    }
    u64 in = 0, out = 0;
    void *keys = nullptr, *values = nullptr;
    u32 count = 0;
    u64 element_flags = 0, flags = 0;
};

class ArrayBatch : public testing::Test {
protected:
    Fd map{map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 10)};
    std::vector<u32> keys = std::vector<u32>(16);
    std::vector<u64> values = std::vector<u64>(16);
    u32 cursor = 0;
    Batch batch;
    void SetUp() override {
        batch.keys = keys.data();
        batch.values = values.data();
        batch.out = pointer(&cursor);
    }
    void fill() {
        std::iota(keys.begin(), keys.end(), 0);
        std::iota(values.begin(), values.end(), 100);
        batch.count = 10;
        ASSERT_ANSWER(0, batch.call(BPF_MAP_UPDATE_BATCH, map));
        ASSERT_EQ(10U, batch.count);
        std::fill(keys.begin(), keys.end(), 99);
        std::fill(values.begin(), values.end(), 0);
    }
};

TEST_F(ArrayBatch, LookupOfPartGoesOnAtTheCursor) {
    fill();
    batch.count = 6;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(6U, batch.count);
    EXPECT_EQ(5U, keys[5]);
    EXPECT_EQ(105U, values[5]);
    u32 from = cursor;
    batch.in = pointer(&from);
    EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(4U, batch.count);
    EXPECT_EQ(6U, keys[0]);
    EXPECT_EQ(109U, values[3]);
}
TEST_F(ArrayBatch, LookupOfExactlyAllSaysZero) {
    fill();
    batch.count = 10;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(10U, batch.count);
}
TEST_F(ArrayBatch, LookupOfMoreThanThereAreSaysEnoent) {
    fill();
    batch.count = 16;
    EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(10U, batch.count);
}
TEST_F(ArrayBatch, CountZeroDoesNothing) {
    batch.count = 0;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_ANSWER(0, batch.call(BPF_MAP_UPDATE_BATCH, map));
}
TEST_F(ArrayBatch, DeleteIsNotSupported) {
    batch.count = 1;
    EXPECT_ANSWER(-enotsupp, batch.call(BPF_MAP_DELETE_BATCH, map));
    EXPECT_ANSWER(-enotsupp, batch.call(BPF_MAP_LOOKUP_AND_DELETE_BATCH, map));
}
TEST_F(ArrayBatch, UpdateStopsAtTheFirstFault) {
    keys = {0, 1, 77, 3};
    values = {1, 2, 3, 4};
    batch.keys = keys.data();
    batch.values = values.data();
    batch.count = 4;
    EXPECT_ANSWER(-E2BIG, batch.call(BPF_MAP_UPDATE_BATCH, map));
    EXPECT_EQ(2U, batch.count);
    u32 key = 1;
    u64 value = 0;
    EXPECT_ANSWER(0, map_lookup(map, &key, &value));
    EXPECT_EQ(2U, value);
}
TEST_F(ArrayBatch, FlagsAreIgnored) {
    fill();
    batch.count = 1;
    batch.flags = 1;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_ANSWER(0, batch.call(BPF_MAP_UPDATE_BATCH, map));
}
TEST_F(ArrayBatch, ElementFlagsOtherThanLockAreEinval) {
    for (u64 flags : {1ULL, 4ULL, 8ULL}) {
        batch.element_flags = flags;
        batch.count = 1;
        EXPECT_ANSWER(-EINVAL, batch.call(BPF_MAP_LOOKUP_BATCH, map)) << flags;
        EXPECT_ANSWER(-EINVAL, batch.call(BPF_MAP_UPDATE_BATCH, map)) << flags;
    }
}
TEST_F(ArrayBatch, UnmappedMemoryIsEfault) {
    fill();
    batch.count = 2;
    batch.values = reinterpret_cast<void*>(8);
    EXPECT_ANSWER(-EFAULT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(0U, batch.count);
    batch.count = 2;
    EXPECT_ANSWER(-EFAULT, batch.call(BPF_MAP_UPDATE_BATCH, map));
    batch.values = values.data();
    batch.keys = reinterpret_cast<void*>(8);
    batch.count = 2;
    EXPECT_ANSWER(-EFAULT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
}
TEST_F(ArrayBatch, WithoutACursorToWriteIsEfault) {
    fill();
    batch.out = 0;
    batch.count = 2;
    EXPECT_ANSWER(-EFAULT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
}
TEST_F(ArrayBatch, OfMapsWithoutAccessIsEperm) {
    Fd write_only(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 10, BPF_F_WRONLY)),
        read_only(map_create(BPF_MAP_TYPE_ARRAY, 4, 8, 10, BPF_F_RDONLY));
    batch.count = 1;
    EXPECT_ANSWER(-EPERM, batch.call(BPF_MAP_LOOKUP_BATCH, write_only));
    EXPECT_ANSWER(-EPERM, batch.call(BPF_MAP_UPDATE_BATCH, read_only));
}

class HashBatch : public testing::Test {
protected:
    static constexpr u32 entries = 100;
    Fd map{map_create(BPF_MAP_TYPE_HASH, 4, 8, entries)};
    std::vector<u32> keys = std::vector<u32>(entries * 2);
    std::vector<u64> values = std::vector<u64>(entries * 2);
    u32 cursor = 0;
    Batch batch;
    void SetUp() override {
        batch.keys = keys.data();
        batch.values = values.data();
        batch.out = pointer(&cursor);
    }
    void fill() {
        std::iota(keys.begin(), keys.end(), 1000);
        std::iota(values.begin(), values.end(), 2000);
        batch.count = entries;
        ASSERT_ANSWER(0, batch.call(BPF_MAP_UPDATE_BATCH, map));
    }
    // All keys by batches of `size`, growing when a bucket does not fit.
    std::set<u32> collect(int command, u32 size) {
        std::set<u32> seen;
        u32 from = 0;
        bool first = true;
        for (int rounds = 0; rounds < 1000; rounds++) {
            batch.in = first ? 0 : pointer(&from);
            batch.count = size;
            long answer = batch.call(command, map);
            if (answer == -ENOSPC) {
                size *= 2;
                continue;
            }
            EXPECT_TRUE(answer == 0 || answer == -ENOENT) << answer;
            for (u32 i = 0; i < batch.count; i++) {
                EXPECT_TRUE(seen.insert(keys[i]).second);
                EXPECT_EQ(keys[i] + 1000, values[i]);
            }
            if (answer) break;
            from = cursor;
            first = false;
        }
        return seen;
    }
};
TEST_F(HashBatch, LookupVisitsAll) {
    fill();
    for (u32 size : {7U, 50U, 100U, 150U}) EXPECT_EQ(entries, collect(BPF_MAP_LOOKUP_BATCH, size).size()) << size;
}
TEST_F(HashBatch, LookupAndDeleteEmptiesIt) {
    fill();
    EXPECT_EQ(entries, collect(BPF_MAP_LOOKUP_AND_DELETE_BATCH, 20).size());
    u32 key = 0;
    EXPECT_ANSWER(-ENOENT, map_next_key(map, nullptr, &key));
}
TEST_F(HashBatch, LookupOfAnEmptyMapSaysEnoent) {
    batch.count = 10;
    EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
    EXPECT_EQ(0U, batch.count);
}
TEST_F(HashBatch, DeleteTakesTheNamedKeys) {
    fill();
    keys[0] = 1005;
    keys[1] = 1050;
    batch.count = 2;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_DELETE_BATCH, map));
    EXPECT_EQ(2U, batch.count);
    u64 value = 0;
    EXPECT_ANSWER(-ENOENT, map_lookup(map, &keys[0], &value));
    EXPECT_EQ(entries - 2, collect(BPF_MAP_LOOKUP_BATCH, 100).size());
}
TEST_F(HashBatch, DeleteStopsAtAKeyThatIsNotThere) {
    fill();
    keys[0] = 1005;
    keys[1] = 5;
    keys[2] = 1006;
    batch.count = 3;
    EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_DELETE_BATCH, map));
    EXPECT_EQ(1U, batch.count);
    u64 value = 0;
    EXPECT_ANSWER(0, map_lookup(map, &keys[2], &value));
}
TEST_F(HashBatch, UpdateFollowsTheElementFlags) {
    fill();
    std::iota(keys.begin(), keys.end(), 1000);
    batch.count = 3;
    batch.element_flags = BPF_NOEXIST;
    EXPECT_ANSWER(-EINVAL, batch.call(BPF_MAP_UPDATE_BATCH, map));
}
TEST_F(HashBatch, FlagsOfALookupAreEinval) {
    fill();
    batch.flags = 1;
    for (int command : {BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH}) {
        batch.count = 1;
        EXPECT_ANSWER(-EINVAL, batch.call(command, map));
    }
    batch.count = 1;
    EXPECT_ANSWER(0, batch.call(BPF_MAP_DELETE_BATCH, map));
}
TEST_F(HashBatch, ElementFlagsOtherThanLockAreEinval) {
    fill();
    for (int command : {BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_DELETE_BATCH, BPF_MAP_UPDATE_BATCH}) {
        batch.element_flags = 1;
        batch.count = 1;
        EXPECT_ANSWER(-EINVAL, batch.call(command, map)) << command;
        batch.element_flags = BPF_F_LOCK;
        EXPECT_ANSWER(-EINVAL, batch.call(command, map)) << command;
    }
}
TEST_F(HashBatch, UpdateBeyondTheRoomSaysHowManyWentIn) {
    std::iota(keys.begin(), keys.end(), 1000);
    batch.count = entries + 10;
    EXPECT_ANSWER(-E2BIG, batch.call(BPF_MAP_UPDATE_BATCH, map));
    EXPECT_EQ(entries, batch.count);
}
TEST_F(HashBatch, ACursorBeyondTheTableIsEnoent) {
    fill();
    u32 from = 1'000'000;
    batch.in = pointer(&from);
    batch.count = 10;
    EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_LOOKUP_BATCH, map));
}

TEST(BatchOfOtherMaps, IsNotSupported) {
    std::vector<u32> keys(4), values(4);
    u32 cursor = 0;
    Fd programs(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4)), devices(map_create(BPF_MAP_TYPE_DEVMAP, 4, 4, 4));
    for (const Fd* map : {&programs, &devices}) {
        Batch batch;
        batch.keys = keys.data();
        batch.values = values.data();
        batch.out = pointer(&cursor);
        for (int command : {BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_DELETE_BATCH, BPF_MAP_UPDATE_BATCH, BPF_MAP_LOOKUP_BATCH}) {
            batch.count = 1;
            EXPECT_ANSWER(-enotsupp, batch.call(command, *map)) << command;
        }
    }
}
TEST(BatchOfPercpuMaps, IsSupported) {
    std::vector<u32> keys(4);
    std::vector<u64> values(4 * 1024);
    u32 cursor = 0;
    Fd array(map_create(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2)), hash(map_create(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4));
    for (const Fd* map : {&array, &hash}) {
        Batch batch;
        batch.keys = keys.data();
        batch.values = values.data();
        batch.out = pointer(&cursor);
        keys = {0, 1, 0, 0};
        batch.count = 2;
        EXPECT_ANSWER(0, batch.call(BPF_MAP_UPDATE_BATCH, *map));
        batch.count = 4;
        EXPECT_ANSWER(-ENOENT, batch.call(BPF_MAP_LOOKUP_BATCH, *map));
        EXPECT_EQ(2U, batch.count);
    }
}

}  // namespace
}  // namespace test
