// The map commands through Kernel::bpf, as a client calls them.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>

#include "btf/btf_builder.h"
#include "syscall/kernel.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

template <class T>
uint64_t address_of(T& thing) {
    return reinterpret_cast<uint64_t>(&thing);
}

class MapCommands : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = Kernel::create();
        ASSERT_TRUE(made.ok());
        kernel = std::move(*made);
    }
    ~MapCommands() override { caller.descriptors.clear(); }

    long create(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags = 0) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.map_type = type;
        attr.key_size = key_size;
        attr.value_size = value_size;
        attr.max_entries = max_entries;
        attr.map_flags = flags;
        return call(BPF_MAP_CREATE, attr);
    }
    long call(int command, bpf_attr& attr) { return caller.bpf(*kernel, command, attr); }
    template <class K, class V>
    long element(int command, long fd, K& key, V& value, uint64_t flags = 0) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.map_fd = static_cast<uint32_t>(fd);
        attr.key = address_of(key);
        attr.value = address_of(value);
        attr.flags = flags;
        return call(command, attr);
    }
    long on_map(int command, long fd) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.map_fd = static_cast<uint32_t>(fd);
        return call(command, attr);
    }
    struct Batch {
        uint32_t* in = nullptr;
        uint32_t* out = nullptr;
        void* keys = nullptr;
        void* values = nullptr;
        uint32_t count = 0;
        uint64_t elem_flags = 0, flags = 0;
    };
    long batch(int command, long fd, Batch& wanted) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.batch.map_fd = static_cast<uint32_t>(fd);
        attr.batch.in_batch = reinterpret_cast<uint64_t>(wanted.in);
        attr.batch.out_batch = reinterpret_cast<uint64_t>(wanted.out);
        attr.batch.keys = reinterpret_cast<uint64_t>(wanted.keys);
        attr.batch.values = reinterpret_cast<uint64_t>(wanted.values);
        attr.batch.count = wanted.count;
        attr.batch.elem_flags = wanted.elem_flags;
        attr.batch.flags = wanted.flags;
        const long answer = call(command, attr);
        wanted.count = attr.batch.count;
        return answer;
    }

    std::unique_ptr<Kernel> kernel;
    TestCaller caller;
};

TEST_F(MapCommands, AMapIsMadeUsedAndGone) {
    const long fd = create(BPF_MAP_TYPE_HASH, 4, 8, 4);
    ASSERT_GE(fd, 0);
    uint32_t key = 1, next = 0;
    uint64_t value = 2, read = 0;
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, read), -ENOENT);
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, fd, key, value), 0);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, read), 0);
    EXPECT_EQ(read, 2U);
    EXPECT_EQ(element(BPF_MAP_GET_NEXT_KEY, fd, key, next), -ENOENT);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, read), 0);
    bpf_attr attr = zeroed<bpf_attr>();
    attr.map_fd = static_cast<uint32_t>(fd);
    attr.key = address_of(key);
    EXPECT_EQ(call(BPF_MAP_DELETE_ELEM, attr), -ENOENT);
    EXPECT_EQ(kernel->maps.size(), 1U);
    caller.close(fd);
    EXPECT_EQ(kernel->maps.size(), 0U);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, read), -EBADF);
}

TEST_F(MapCommands, FlagsComeBeforeTheDescriptorInLookup) {
    uint32_t key = 0;
    uint64_t value = 0;
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, 999, key, value, 8), -EINVAL);
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, 999, key, value, 8), -EBADF);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, 999, key, value, 8), -EINVAL);
    caller.foreign.insert(1);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, 1, key, value), -EINVAL);
}

TEST_F(MapCommands, DescriptorsAndFreezeSetBounds) {
    uint32_t key = 0, next = 0;
    uint64_t value = 0;
    const long reader = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_RDONLY);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, reader, key, value), 0);
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, reader, key, value), -EPERM);
    EXPECT_EQ(on_map(BPF_MAP_FREEZE, reader), -EPERM);
    const long writer = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_WRONLY);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, writer, key, value), -EPERM);
    EXPECT_EQ(element(BPF_MAP_GET_NEXT_KEY, writer, key, next), -EPERM);
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, writer, key, value), 0);
    EXPECT_EQ(create(BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_WRONLY | BPF_F_RDONLY), -EINVAL);

    const long fd = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
    EXPECT_EQ(on_map(BPF_MAP_FREEZE, fd), 0);
    EXPECT_EQ(on_map(BPF_MAP_FREEZE, fd), -EPERM);
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, fd, key, value), -EPERM);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value), -EPERM);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, value), 0);
}

TEST_F(MapCommands, LargeKeysAndValuesPass) {
    const long fd = create(BPF_MAP_TYPE_HASH, 1000, 5000, 2);
    ASSERT_GE(fd, 0);
    std::array<uint8_t, 1000> key{};
    std::array<uint8_t, 5000> value{}, read{};
    key[999] = 1;
    value[4999] = 2;
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, fd, key, value), 0);
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, read), 0);
    EXPECT_EQ(value, read);
}

TEST_F(MapCommands, BadMemoryIsEfault) {
    const long fd = create(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
    bpf_attr attr = zeroed<bpf_attr>();
    attr.map_fd = static_cast<uint32_t>(fd);
    attr.key = 8;
    uint64_t value = 0;
    attr.value = address_of(value);
    EXPECT_EQ(call(BPF_MAP_LOOKUP_ELEM, attr), -EFAULT);
    uint32_t key = 0;
    attr.key = address_of(key);
    attr.value = 8;
    EXPECT_EQ(call(BPF_MAP_LOOKUP_ELEM, attr), -EFAULT);
    attr.flags = 99;
    EXPECT_EQ(call(BPF_MAP_UPDATE_ELEM, attr), -EFAULT);
}

TEST_F(MapCommands, InfoTellsWhatTheMapWasMadeWith) {
    bpf_attr attr = zeroed<bpf_attr>();
    attr.map_type = BPF_MAP_TYPE_HASH;
    attr.key_size = 4;
    attr.value_size = 8;
    attr.max_entries = 5;
    attr.map_flags = BPF_F_NO_PREALLOC | BPF_F_RDONLY;
    std::strcpy(attr.map_name, "a.map_1");
    const long fd = call(BPF_MAP_CREATE, attr);
    ASSERT_GE(fd, 0);
    bpf_map_info info = zeroed<bpf_map_info>();
    bpf_attr ask = zeroed<bpf_attr>();
    ask.info.bpf_fd = static_cast<uint32_t>(fd);
    ask.info.info_len = sizeof info;
    ask.info.info = address_of(info);
    ASSERT_EQ(call(BPF_OBJ_GET_INFO_BY_FD, ask), 0);
    EXPECT_EQ(ask.info.info_len, 88U);
    EXPECT_EQ(info.type, BPF_MAP_TYPE_HASH);
    EXPECT_EQ(info.id, 1U);
    EXPECT_EQ(info.key_size, 4U);
    EXPECT_EQ(info.value_size, 8U);
    EXPECT_EQ(info.max_entries, 5U);
    EXPECT_EQ(info.map_flags, BPF_F_NO_PREALLOC);
    EXPECT_STREQ(info.name, "a.map_1");
}

// --- batches
// --------------------------------------------------------------------------------------------------------------------------------

TEST_F(MapCommands, HashBatches) {
    const long fd = create(BPF_MAP_TYPE_HASH, 4, 8, 100);
    std::array<uint32_t, 100> keys{};
    std::array<uint64_t, 100> values{};
    for (uint32_t i = 0; i < 100; ++i) {
        keys[i] = i;
        values[i] = i * 2;
    }
    Batch update{.keys = keys.data(), .values = values.data(), .count = 100};
    EXPECT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, update), 0);
    EXPECT_EQ(update.count, 100U);

    std::set<uint32_t> seen;
    uint32_t token = 0;
    for (long answer = 0; answer == 0;) {
        Batch read{.in = seen.empty() ? nullptr : &token, .out = &token, .keys = keys.data(), .values = values.data(), .count = 7};
        answer = batch(BPF_MAP_LOOKUP_BATCH, fd, read);
        EXPECT_TRUE(answer == 0 || answer == -ENOENT);
        for (uint32_t i = 0; i < read.count; ++i) {
            EXPECT_TRUE(seen.insert(keys[i]).second);
            EXPECT_EQ(values[i], keys[i] * 2);
        }
    }
    EXPECT_EQ(seen.size(), 100U);

    keys = {5, 6, 1000};
    Batch erase{.keys = keys.data(), .count = 3};
    EXPECT_EQ(batch(BPF_MAP_DELETE_BATCH, fd, erase), -ENOENT);
    EXPECT_EQ(erase.count, 2U);
    Batch take{.out = &token, .keys = keys.data(), .values = values.data(), .count = 100};
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, take), -ENOENT);
    EXPECT_EQ(take.count, 98U);
    take.count = 100;
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, take), -ENOENT);
    EXPECT_EQ(take.count, 0U);
}

TEST_F(MapCommands, HashBatchesRefuseAsLinuxDoes) {
    const long fd = create(BPF_MAP_TYPE_HASH, 4, 8, 2);
    std::array<uint32_t, 4> keys{0, 1, 2, 3};
    std::array<uint64_t, 4> values{};
    uint32_t token = 1U << 20;
    Batch nothing{.out = &token, .keys = keys.data(), .values = values.data(), .count = 0};
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, nothing), 0);
    Batch update{.keys = keys.data(), .values = values.data(), .count = 3};
    EXPECT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, update), -E2BIG);
    EXPECT_EQ(update.count, 2U);
    update.elem_flags = BPF_NOEXIST;
    EXPECT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, update), -EINVAL);
    EXPECT_EQ(update.count, 2U);
    Batch flags{.out = &token, .keys = keys.data(), .values = values.data(), .count = 1, .flags = 1};
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, flags), -EINVAL);
    EXPECT_EQ(flags.count, 1U);
    Batch no_keys{.out = &token, .keys = nullptr, .values = values.data(), .count = 1};
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, no_keys), -EFAULT);
    EXPECT_EQ(no_keys.count, 0U);
    Batch far_away{.in = &token, .out = &token, .keys = keys.data(), .values = values.data(), .count = 1};
    EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, far_away), -ENOENT);
    EXPECT_EQ(far_away.count, 0U);
}

TEST_F(MapCommands, ArrayBatches) {
    for (const uint32_t type : {uint32_t{BPF_MAP_TYPE_ARRAY}, uint32_t{BPF_MAP_TYPE_PERCPU_ARRAY}}) {
        const long fd = create(type, 4, 8, 2);
        std::array<uint32_t, 8> keys{0, 5};
        std::vector<uint64_t> values(8 * kernel->runtime.cpus.possible());
        uint32_t token = 0;
        Batch update{.keys = keys.data(), .values = values.data(), .count = 2};
        EXPECT_EQ(batch(BPF_MAP_UPDATE_BATCH, fd, update), -E2BIG);
        EXPECT_EQ(update.count, 1U);
        Batch all{.out = &token, .keys = keys.data(), .values = values.data(), .count = 8};
        EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, all), -ENOENT);
        EXPECT_EQ(all.count, 2U);
        EXPECT_EQ(token, 1U);
        Batch one{.out = &token, .keys = keys.data(), .values = values.data(), .count = 1, .flags = 1};
        EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, one), 0);
        EXPECT_EQ(one.count, 1U);
        EXPECT_EQ(token, 0U);
        Batch no_out{.keys = keys.data(), .values = values.data(), .count = 1};
        EXPECT_EQ(batch(BPF_MAP_LOOKUP_BATCH, fd, no_out), -EFAULT);
        EXPECT_EQ(no_out.count, 1U);
        EXPECT_EQ(batch(BPF_MAP_DELETE_BATCH, fd, one), -abi::enotsupp);
        EXPECT_EQ(batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, one), -abi::enotsupp);
    }
}

// --- BTF
// ------------------------------------------------------------------------------------------------------------------------------------

class MapBtfRules : public MapCommands {
protected:
    long load(const BtfBuilder& builder) {
        std::vector<std::byte> data = builder.build();
        bpf_attr attr = zeroed<bpf_attr>();
        attr.btf = reinterpret_cast<uint64_t>(data.data());
        attr.btf_size = static_cast<uint32_t>(data.size());
        return call(BPF_BTF_LOAD, attr);
    }
    long make(uint32_t type, uint32_t key_size, uint32_t value_size, long btf, uint32_t key_type, uint32_t value_type, uint32_t flags = 0) {
        bpf_attr attr = zeroed<bpf_attr>();
        attr.map_type = type;
        attr.key_size = key_size;
        attr.value_size = value_size;
        attr.max_entries = 1;
        attr.map_flags = flags;
        attr.btf_fd = static_cast<uint32_t>(btf);
        attr.btf_key_type_id = key_type;
        attr.btf_value_type_id = value_type;
        return call(BPF_MAP_CREATE, attr);
    }
};

TEST_F(MapBtfRules, SizesAndKindsMustFit) {
    BtfBuilder builder;
    const uint32_t u32 = builder.integer("unsigned int", 4), u64 = builder.integer("unsigned long", 8);
    const uint32_t pair = builder.structure("pair", 8, {{"a", u32, 0}, {"b", u32, 32}});
    const uint32_t proto = builder.func_proto(u32, {});
    const uint32_t variable = builder.variable("v", u64);
    const uint32_t section = builder.section(".data", 8, {{variable, 0, 8}});
    const long btf = load(builder);
    ASSERT_GE(btf, 0);
    constexpr uint32_t array = BPF_MAP_TYPE_ARRAY, hash = BPF_MAP_TYPE_HASH;
    EXPECT_GE(make(array, 4, 8, btf, u32, pair), 0);
    EXPECT_EQ(make(array, 4, 8, btf, pair, pair), -EINVAL);
    EXPECT_GE(make(array, 4, 8, btf, 0, section), 0);
    EXPECT_EQ(make(array, 4, 8, btf, 0, pair), -EINVAL);
    EXPECT_EQ(make(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, btf, 0, section), -EINVAL);
    EXPECT_GE(make(hash, 8, 8, btf, pair, pair), 0);
    EXPECT_EQ(make(hash, 8, 8, btf, 0, pair), -EINVAL);
    EXPECT_EQ(make(hash, 4, 8, btf, u32, proto), -EINVAL);
    EXPECT_EQ(make(hash, 4, 8, btf, u32, 999), -EINVAL);
    EXPECT_EQ(make(hash, 4, 8, btf, u32, 0), -EINVAL);
    EXPECT_EQ(make(hash, 4, 8, 999, u32, u64), -EBADF);
}

TEST_F(MapBtfRules, ASpinLockMayBeWhereLinuxAllowsIt) {
    BtfBuilder builder;
    const uint32_t u32 = builder.integer("unsigned int", 4);
    const uint32_t lock = builder.structure("bpf_spin_lock", 4, {{"val", u32, 0}});
    const uint32_t value = builder.structure("value", 8, {{"lock", lock, 0}, {"n", u32, 32}});
    const long btf = load(builder);
    ASSERT_GE(btf, 0);
    const long fd = make(BPF_MAP_TYPE_ARRAY, 4, 8, btf, u32, value);
    ASSERT_GE(fd, 0);
    uint32_t key = 0;
    std::array<uint32_t, 2> data{7, 8};
    EXPECT_EQ(element(BPF_MAP_UPDATE_ELEM, fd, key, data, BPF_F_LOCK), 0);
    data = {9, 9};
    EXPECT_EQ(element(BPF_MAP_LOOKUP_ELEM, fd, key, data, BPF_F_LOCK), 0);
    EXPECT_EQ(data, (std::array<uint32_t, 2>{0, 8}));
    EXPECT_EQ(on_map(BPF_MAP_FREEZE, fd), -abi::enotsupp);
    EXPECT_EQ(make(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, btf, u32, value), -EOPNOTSUPP);
    EXPECT_EQ(make(BPF_MAP_TYPE_LRU_HASH, 4, 8, btf, u32, value), -EOPNOTSUPP);
    EXPECT_EQ(make(BPF_MAP_TYPE_ARRAY, 4, 8, btf, u32, value, BPF_F_RDONLY_PROG), -EACCES);
}

}  // namespace
}  // namespace graft
