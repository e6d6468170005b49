// BPF_MAP_CREATE: which sizes, flags and BTF each map type takes.
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>

#include "support/btf_builder.h"
#include "support/call.h"
#include "support/rows.h"

namespace test {
namespace {

struct CreateRow {
    const char* name;
    uint32_t type, key_size, value_size, max_entries, flags;
    long answer;
};
void PrintTo(const CreateRow& row, std::ostream* out) { *out << row.name; }

class Create : public testing::TestWithParam<CreateRow> {};

TEST_P(Create, Answers) {
    const CreateRow& row = GetParam();
    Fd map(map_create(row.type, row.key_size, row.value_size, row.max_entries, row.flags));
    EXPECT_ANSWER(row.answer, map.error());
}

constexpr uint32_t array = BPF_MAP_TYPE_ARRAY, percpu_array = BPF_MAP_TYPE_PERCPU_ARRAY, hash = BPF_MAP_TYPE_HASH,
                   percpu_hash = BPF_MAP_TYPE_PERCPU_HASH, prog_array = BPF_MAP_TYPE_PROG_ARRAY, devmap = BPF_MAP_TYPE_DEVMAP,
                   queue = BPF_MAP_TYPE_QUEUE;
constexpr uint32_t zero_seed = BPF_F_ZERO_SEED, rdonly = BPF_F_RDONLY, wronly = BPF_F_WRONLY;

constexpr CreateRow rows[] = {
    {"type_0", 0, 4, 8, 1, 0, -EINVAL},
    {"type_unknown", 34, 4, 8, 1, 0, -EINVAL},
    {"type_huge", UINT32_MAX, 4, 8, 1, 0, -EINVAL},

    {"array", array, 4, 8, 1, 0, 0},
    {"array_key_size_0", array, 0, 8, 1, 0, -EINVAL},
    {"array_key_size_8", array, 8, 8, 1, 0, -EINVAL},
    {"array_value_size_0", array, 4, 0, 1, 0, -EINVAL},
    {"array_value_size_1", array, 4, 1, 1, 0, 0},
    {"array_max_entries_0", array, 4, 8, 0, 0, -EINVAL},
    {"array_value_size_over_int_max", array, 4, 0x80000000U, 1, 0, -E2BIG},
    {"array_max_entries_beyond_memory", array, 4, 8, UINT32_MAX, 0, -ENOMEM},
    {"array_max_entries_over_2_to_31_of_one_byte", array, 4, 1, 0xffffffffU, 0, -ENOMEM},
    {"array_rdonly", array, 4, 8, 1, rdonly, 0},
    {"array_wronly", array, 4, 8, 1, wronly, 0},
    {"array_rdonly_and_wronly", array, 4, 8, 1, rdonly | wronly, -EINVAL},
    {"array_rdonly_prog", array, 4, 8, 1, BPF_F_RDONLY_PROG, 0},
    {"array_wronly_prog", array, 4, 8, 1, BPF_F_WRONLY_PROG, 0},
    {"array_rdonly_prog_and_wronly_prog", array, 4, 8, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG, -EINVAL},
    {"array_no_prealloc", array, 4, 8, 1, BPF_F_NO_PREALLOC, -EINVAL},
    {"array_zero_seed", array, 4, 8, 1, zero_seed, -EINVAL},
    {"array_no_common_lru", array, 4, 8, 1, BPF_F_NO_COMMON_LRU, -EINVAL},
    {"array_inner_map", array, 4, 8, 1, BPF_F_INNER_MAP, 0},
    {"array_preserve_elems", array, 4, 8, 1, BPF_F_PRESERVE_ELEMS, -EINVAL},
    {"array_mmapable", array, 4, 8, 1, BPF_F_MMAPABLE, 0},
    {"array_clone", array, 4, 8, 1, BPF_F_CLONE, -EINVAL},
    {"array_unknown_flag", array, 4, 8, 1, 1U << 31, -EINVAL},
    {"array_stack_build_id", array, 4, 8, 1, BPF_F_STACK_BUILD_ID, -EINVAL},
    {"array_numa_node_0", array, 4, 8, 1, BPF_F_NUMA_NODE, 0},

    {"percpu_array", percpu_array, 4, 8, 1, 0, 0},
    {"percpu_array_key_size_8", percpu_array, 8, 8, 1, 0, -EINVAL},
    {"percpu_array_value_size_0", percpu_array, 4, 0, 1, 0, -EINVAL},
    {"percpu_array_value_size_32k", percpu_array, 4, 32768, 1, 0, 0},
    {"percpu_array_value_size_over_32k", percpu_array, 4, 32769, 1, 0, -E2BIG},
    {"percpu_array_max_entries_0", percpu_array, 4, 8, 0, 0, -EINVAL},
    {"percpu_array_mmapable", percpu_array, 4, 8, 1, BPF_F_MMAPABLE, -EINVAL},
    {"percpu_array_inner_map", percpu_array, 4, 8, 1, BPF_F_INNER_MAP, -EINVAL},
    {"percpu_array_preserve_elems", percpu_array, 4, 8, 1, BPF_F_PRESERVE_ELEMS, -EINVAL},
    {"percpu_array_rdonly_prog", percpu_array, 4, 8, 1, BPF_F_RDONLY_PROG, 0},
    {"percpu_array_numa_node_0", percpu_array, 4, 8, 1, BPF_F_NUMA_NODE, -EINVAL},

    {"hash", hash, 4, 8, 1, 0, 0},
    {"hash_key_size_0", hash, 0, 8, 1, 0, -EINVAL},
    {"hash_key_size_1", hash, 1, 8, 1, 0, 0},
    {"hash_key_size_512", hash, 512, 8, 1, 0, 0},
    {"hash_key_size_513", hash, 513, 8, 1, 0, 0},
    {"hash_value_size_0", hash, 4, 0, 1, 0, -EINVAL},
    {"hash_value_size_1", hash, 4, 1, 1, 0, 0},
    {"hash_key_and_value_beyond_the_largest_element", hash, 4, 0x7fffffffU, 1, 0, -E2BIG},
    {"hash_max_entries_0", hash, 4, 8, 0, 0, -EINVAL},
    {"hash_max_entries_3", hash, 4, 8, 3, 0, 0},
    {"hash_max_entries_over_2_to_31", hash, 4, 8, 0x80000001U, BPF_F_NO_PREALLOC, -E2BIG},
    {"hash_no_prealloc", hash, 4, 8, 1, BPF_F_NO_PREALLOC, 0},
    {"hash_zero_seed", hash, 4, 8, 1, zero_seed, 0},
    {"hash_no_common_lru", hash, 4, 8, 1, BPF_F_NO_COMMON_LRU, -EINVAL},
    {"hash_mmapable", hash, 4, 8, 1, BPF_F_MMAPABLE, -EINVAL},
    {"hash_inner_map", hash, 4, 8, 1, BPF_F_INNER_MAP, -EINVAL},
    {"hash_rdonly_and_wronly", hash, 4, 8, 1, rdonly | wronly, -EINVAL},
    {"hash_rdonly_prog", hash, 4, 8, 1, BPF_F_RDONLY_PROG, 0},
    {"hash_rdonly_prog_and_wronly_prog", hash, 4, 8, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG, -EINVAL},
    {"hash_numa_node_0", hash, 4, 8, 1, BPF_F_NUMA_NODE, 0},
    {"hash_unknown_flag", hash, 4, 8, 1, 1U << 31, -EINVAL},

    {"percpu_hash", percpu_hash, 4, 8, 1, 0, 0},
    {"percpu_hash_value_size_32k", percpu_hash, 4, 32768, 1, 0, 0},
    {"percpu_hash_value_size_over_32k", percpu_hash, 4, 32769, 1, 0, -E2BIG},
    {"percpu_hash_no_prealloc", percpu_hash, 4, 8, 1, BPF_F_NO_PREALLOC, 0},
    {"percpu_hash_numa_node_0", percpu_hash, 4, 8, 1, BPF_F_NUMA_NODE, -EINVAL},
    {"percpu_hash_no_common_lru", percpu_hash, 4, 8, 1, BPF_F_NO_COMMON_LRU, -EINVAL},

    {"prog_array", prog_array, 4, 4, 1, 0, 0},
    {"prog_array_value_size_8", prog_array, 4, 8, 1, 0, -EINVAL},
    {"prog_array_key_size_8", prog_array, 8, 4, 1, 0, -EINVAL},
    {"prog_array_max_entries_0", prog_array, 4, 4, 0, 0, -EINVAL},
    {"prog_array_rdonly_prog", prog_array, 4, 4, 1, BPF_F_RDONLY_PROG, -EINVAL},
    {"prog_array_rdonly", prog_array, 4, 4, 1, rdonly, 0},
    {"prog_array_mmapable", prog_array, 4, 4, 1, BPF_F_MMAPABLE, -EINVAL},

    {"queue", queue, 0, 4096, 1, 0, 0},
    {"queue_key_size_4", queue, 4, 4096, 1, 0, -EINVAL},
    {"queue_value_size_over_4m", queue, 0, 0x400001, 1, 0, -E2BIG},
    {"queue_of_4g", queue, 0, 4096, 0xfffff, 0, -E2BIG},
    {"queue_max_entries_max", queue, 0, 8, UINT32_MAX, 0, -E2BIG},
    {"stack_of_4g", BPF_MAP_TYPE_STACK, 0, 4096, 0xfffff, 0, -E2BIG},

    {"devmap_of_ifindex", devmap, 4, 4, 1, 0, 0},
    {"devmap_of_ifindex_and_program", devmap, 4, 8, 1, 0, 0},
    {"devmap_value_size_5", devmap, 4, 5, 1, 0, -EINVAL},
    {"devmap_value_size_12", devmap, 4, 12, 1, 0, -EINVAL},
    {"devmap_key_size_8", devmap, 8, 4, 1, 0, -EINVAL},
    {"devmap_max_entries_0", devmap, 4, 4, 0, 0, -EINVAL},
    {"devmap_rdonly", devmap, 4, 4, 1, rdonly, 0},
    {"devmap_rdonly_prog", devmap, 4, 4, 1, BPF_F_RDONLY_PROG, -EINVAL},
    {"devmap_no_prealloc", devmap, 4, 4, 1, BPF_F_NO_PREALLOC, -EINVAL},
    {"devmap_numa_node_0", devmap, 4, 4, 1, BPF_F_NUMA_NODE, 0},
};

INSTANTIATE_TEST_SUITE_P(Of, Create, testing::ValuesIn(rows), row_name);

// --- the other fields ----------------------------------------------------------------

Attr smallest(uint32_t type = array) {
    Attr attr;
    attr->map_type = type;
    attr->key_size = 4;
    attr->value_size = 4;
    attr->max_entries = 1;
    return attr;
}

TEST(CreateName, OfLettersDigitsUnderscoreAndDotIsTaken) {
    Attr attr = smallest();
    std::memcpy(attr->map_name, "aZ_09.rodata", 12);
    Fd map(attr.call(BPF_MAP_CREATE));
    ASSERT_ANSWER(0, map.error());
    bpf_map_info info{};
    Attr ask;
    ask->info.bpf_fd = map.u();
    ask->info.info_len = sizeof info;
    ask->info.info = pointer(&info);
    ASSERT_ANSWER(0, ask.call(BPF_OBJ_GET_INFO_BY_FD));
    EXPECT_STREQ("aZ_09.rodata", info.name);
}

TEST(CreateName, WithAnotherCharacterIsEinval) {
    for (char c : {'-', ' ', '/', '\x80', '$'}) {
        Attr attr = smallest();
        attr->map_name[0] = 'a';
        attr->map_name[1] = c;
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE)) << static_cast<int>(c);
    }
}

TEST(CreateName, OfSixteenCharactersIsEinval) {
    Attr attr = smallest();
    std::memset(attr->map_name, 'a', 16);
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE));
    attr->map_name[15] = 0;
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE)).get(), 0);
}

TEST(CreateName, EndsAtItsFirstZero) {
    Attr attr = smallest();
    attr->map_name[0] = 'a';
    attr->map_name[2] = '-';
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE)).get(), 0);
}

TEST(CreateNuma, ANodeWithoutItsFlagIsIgnored) {
    Attr attr = smallest();
    attr->numa_node = 5000;
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE)).get(), 0);
}

TEST(CreateNuma, ANodeThatDoesNotExistIsEinval) {
    Attr attr = smallest();
    attr->map_flags = BPF_F_NUMA_NODE;
    attr->numa_node = 1023;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE));
    attr->numa_node = 100'000;
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE));
}

TEST(CreateExtra, MapExtraIsEinvalButForABloomFilter) {
    for (uint32_t type : {array, hash, percpu_array, devmap}) {
        Attr attr = smallest(type);
        attr->map_extra = 1;
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE)) << type;
    }
}

TEST(CreateInner, AnInnerMapFdOfAMapThatHoldsNoMapsIsIgnored) {
    Attr attr = smallest();
    attr->inner_map_fd = 4095;
    EXPECT_GE(Fd(attr.call(BPF_MAP_CREATE)).get(), 0);
}

TEST(CreateIfindex, AMapForADeviceThatDoesNotExistIsEinval) {
    for (uint32_t type : {array, hash, percpu_hash}) {
        Attr attr = smallest(type);
        attr->map_ifindex = 0x7ffffff0;
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_MAP_CREATE)) << type;
    }
}

class CreateBtf : public testing::Test {
protected:
    CreateBtf() {
        u32 = builder.integer("unsigned int", 4);
        u64 = builder.integer("unsigned long", 8);
        pair = builder.structure("pair", 8, {{"a", u32}, {"b", u32}}, 32);
        prototype = builder.prototype(u32);
        btf = Fd(builder.load());
    }
    void SetUp() override { ASSERT_TRUE(btf.ok()) << btf.error(); }
    long create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t key_type, uint32_t value_type) {
        Attr attr;
        attr->map_type = type;
        attr->key_size = key_size;
        attr->value_size = value_size;
        attr->max_entries = 1;
        attr->btf_fd = btf.u();
        attr->btf_key_type_id = key_type;
        attr->btf_value_type_id = value_type;
        return Fd(attr.call(BPF_MAP_CREATE)).error();
    }
    BtfBuilder builder;
    uint32_t u32, u64, pair, prototype;
    Fd btf;
};

TEST_F(CreateBtf, KeyAndValueTypesOfTheMapsSizesAreTaken) {
    EXPECT_ANSWER(0, create(array, 4, 8, u32, u64));
    EXPECT_ANSWER(0, create(array, 4, 8, u32, pair));
    EXPECT_ANSWER(0, create(hash, 8, 8, pair, pair));
    EXPECT_ANSWER(0, create(percpu_hash, 8, 8, pair, pair));
    EXPECT_ANSWER(0, create(percpu_array, 4, 8, u32, pair));
}
TEST_F(CreateBtf, TypesOfOtherSizesAreEinval) {
    EXPECT_ANSWER(-EINVAL, create(array, 4, 4, u32, u64));
    EXPECT_ANSWER(-EINVAL, create(hash, 4, 8, u64, u64));
    EXPECT_ANSWER(-EINVAL, create(hash, 16, 8, pair, pair));
}
TEST_F(CreateBtf, AnArrayKeyMustBeAnInteger) { EXPECT_ANSWER(-EINVAL, create(array, 4, 8, prototype, u64)); }
TEST_F(CreateBtf, AFunctionPrototypeIsNoType) { EXPECT_ANSWER(-EINVAL, create(hash, 4, 8, u32, prototype)); }
TEST_F(CreateBtf, AValueTypeIsNeededWithAKeyType) { EXPECT_ANSWER(-EINVAL, create(hash, 4, 8, u32, 0)); }
TEST_F(CreateBtf, AHashNeedsAKeyTypeWithAValueType) { EXPECT_ANSWER(-EINVAL, create(hash, 4, 8, 0, u64)); }
TEST_F(CreateBtf, AnArrayOfOneDataSectionNeedsNoKeyType) { EXPECT_ANSWER(-EINVAL, create(array, 4, 8, 0, u64)); }
TEST_F(CreateBtf, AnIdOutOfRangeIsEinval) { EXPECT_ANSWER(-EINVAL, create(array, 4, 8, u32, 999)); }
TEST_F(CreateBtf, AProgramArrayTakesBtf) { EXPECT_ANSWER(0, create(prog_array, 4, 4, u32, u32)); }
TEST_F(CreateBtf, ADevmapTakesNoBtf) { EXPECT_ANSWER(-enotsupp, create(devmap, 4, 4, u32, u32)); }
TEST_F(CreateBtf, WithoutTypeIdsTheDescriptorIsIgnored) {
    btf.reset();
    EXPECT_ANSWER(0, create(array, 4, 8, 0, 0));
}
TEST_F(CreateBtf, ABadDescriptorIsEbadf) {
    btf.reset();
    EXPECT_ANSWER(-EBADF, create(array, 4, 8, u32, u64));
}
TEST_F(CreateBtf, ADescriptorOfAnotherObjectIsEinval) {
    btf = Fd(map_create(array, 4, 4, 1));
    EXPECT_ANSWER(-EINVAL, create(array, 4, 8, u32, u64));
}

}  // namespace
}  // namespace test
