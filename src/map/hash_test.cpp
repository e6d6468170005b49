#include "map/hash.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>

#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t hash = BPF_MAP_TYPE_HASH, percpu_hash = BPF_MAP_TYPE_PERCPU_HASH;
constexpr uint32_t lru_hash = BPF_MAP_TYPE_LRU_HASH, lru_percpu_hash = BPF_MAP_TYPE_LRU_PERCPU_HASH;

class Hash : public MapTest {};

TEST_F(Hash, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code(hash, 4, 8, 0), EINVAL);
    EXPECT_EQ(code(hash, 0, 8, 1), EINVAL);
    EXPECT_EQ(code(hash, 4, 0, 1), EINVAL);
    EXPECT_EQ(code(hash, 4, 8, 1, BPF_F_MMAPABLE), EINVAL);
    EXPECT_EQ(code(hash, 4, 8, 1, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG), EINVAL);
    EXPECT_EQ(code(hash, 4, 8, 1, BPF_F_NO_COMMON_LRU), EINVAL);
    EXPECT_EQ(code(lru_hash, 4, 8, 1, BPF_F_NO_COMMON_LRU), 0);
    EXPECT_EQ(code(lru_hash, 4, 8, 1, BPF_F_NO_PREALLOC), abi::enotsupp);
    EXPECT_EQ(code(lru_percpu_hash, 4, 8, 0, BPF_F_NO_PREALLOC), abi::enotsupp);
    EXPECT_EQ(code(hash, 4, (4U << 20) - 48 - 4, 1, BPF_F_NO_PREALLOC), E2BIG);
    EXPECT_EQ(code(hash, 4, (4U << 20) - 48 - 5, 1, BPF_F_NO_PREALLOC), 0);
    EXPECT_EQ(code(hash, 70000, 8, 1, BPF_F_NO_PREALLOC), 0);
    EXPECT_EQ(code(percpu_hash, 4, 32768, 1), 0);
    EXPECT_EQ(code(percpu_hash, 4, 32769, 1), E2BIG);
    EXPECT_EQ(code(hash, 4, 8, (1U << 27) + 1, BPF_F_NO_PREALLOC), E2BIG);
    EXPECT_EQ(code(hash, 4, 8, 1, BPF_F_ZERO_SEED), 0);
}

TEST_F(Hash, ElementsAnswerAsOnLinux) {
    for (const uint32_t flags : {0U, uint32_t{BPF_F_NO_PREALLOC}}) {
        const Ref<Map> m = map(spec(hash, 4, 8, 2, flags));
        uint64_t value = 0;
        EXPECT_EQ(lookup(*m, 0U, value), ENOENT);
        EXPECT_EQ(update(*m, 0U, uint64_t{7}, 3), EINVAL);
        EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_F_LOCK), EINVAL);
        EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_EXIST), ENOENT);
        EXPECT_EQ(update(*m, 0U, uint64_t{7}, BPF_NOEXIST), 0);
        EXPECT_EQ(update(*m, 0U, uint64_t{8}, BPF_NOEXIST), EEXIST);
        EXPECT_EQ(update(*m, 0U, uint64_t{8}), 0);
        EXPECT_EQ(update(*m, 0U, uint64_t{9}, BPF_EXIST), 0);
        EXPECT_EQ(lookup(*m, 0U, value), 0);
        EXPECT_EQ(value, 9U);
        EXPECT_EQ(update(*m, 1U, uint64_t{1}), 0);
        EXPECT_EQ(update(*m, 2U, uint64_t{1}), E2BIG);
        EXPECT_EQ(update(*m, 2U, uint64_t{1}, BPF_NOEXIST), E2BIG);
        EXPECT_EQ(update(*m, 2U, uint64_t{1}, BPF_EXIST), ENOENT);
        EXPECT_EQ(update(*m, 1U, uint64_t{2}), 0);  // a full map still takes what replaces
        EXPECT_EQ(erase(*m, 77U), ENOENT);
        EXPECT_EQ(m->lookup_and_delete(bytes_of(0U), writable_bytes_of(value), 0).code(), 0);
        EXPECT_EQ(value, 9U);
        EXPECT_EQ(m->lookup_and_delete(bytes_of(0U), writable_bytes_of(value), 0).code(), ENOENT);
        EXPECT_EQ(update(*m, 2U, uint64_t{1}), 0);  // at once, though the deleted element still waits for readers
        EXPECT_EQ(erase(*m, 2U), 0);
        EXPECT_EQ(erase(*m, 2U), ENOENT);
    }
}

TEST_F(Hash, KeysOfEverySizeAreTold) {
    for (uint32_t key_size = 1; key_size <= 70; ++key_size) {
        const Ref<Map> m = map(spec(hash, key_size, 3, 200));
        std::vector<std::byte> key(key_size), value(3), read(3);
        for (uint32_t i = 0; i < 200; ++i) {
            // Keys that differ in one place each: first byte, last byte.
            key.front() = std::byte(i % 2 == 0 || key_size > 1 ? 0 : i);
            key.back() = std::byte(i);
            value[0] = std::byte(i);
            ASSERT_EQ(m->update(caller_, key, value, BPF_NOEXIST).code(), 0) << key_size << " " << i;
        }
        for (uint32_t i = 0; i < 200; ++i) {
            key.back() = std::byte(i);
            key.front() = std::byte(i % 2 == 0 || key_size > 1 ? 0 : i);
            if (key_size == 1) key.back() = std::byte(i);
            ASSERT_EQ(m->lookup(key, read, 0).code(), 0);
            EXPECT_EQ(read[0], std::byte(i));
            const auto* element = static_cast<const std::byte*>(m->lookup_element(key.data(), 0));
            ASSERT_NE(element, nullptr);
            EXPECT_EQ(element[0], std::byte(i));
        }
        key.back() = std::byte(201);
        EXPECT_EQ(m->lookup(key, read, 0).code(), ENOENT);
        EXPECT_EQ(m->lookup_element(key.data(), 0), nullptr);
    }
}

// A std::unordered_map is the oracle.
TEST_F(Hash, AgreesWithAnOracle) {
    for (const uint32_t flags : {0U, uint32_t{BPF_F_NO_PREALLOC}}) {
        struct Value {
            uint64_t a, b;
            bool operator==(const Value&) const = default;
        };
        const Ref<Map> m = map(spec(hash, 8, sizeof(Value), 300, flags));
        std::unordered_map<uint64_t, Value> oracle;
        std::minstd_rand random(7);
        for (int i = 0; i < 20000; ++i) {
            const uint64_t key = random() % 500;
            const Value value{random(), random()};
            switch (random() % 3) {
                case 0: {
                    const bool room = oracle.contains(key) || oracle.size() < 300;
                    ASSERT_EQ(update(*m, key, value), room ? 0 : E2BIG);
                    if (room) oracle[key] = value;
                    break;
                }
                case 1:
                    ASSERT_EQ(erase(*m, key), oracle.erase(key) == 1 ? 0 : ENOENT);
                    break;
                default: {
                    Value read{};
                    const auto found = oracle.find(key);
                    ASSERT_EQ(lookup(*m, key, read), found == oracle.end() ? ENOENT : 0);
                    if (found != oracle.end()) {
                        ASSERT_EQ(read, found->second);
                    }
                }
            }
        }
        std::set<uint64_t> keys;
        std::optional<uint64_t> at;
        uint64_t following = 0;
        while (next<uint64_t>(*m, at, following) == 0) {
            EXPECT_TRUE(keys.insert(following).second);
            at = following;
        }
        EXPECT_EQ(keys.size(), oracle.size());
        for (const uint64_t key : keys) EXPECT_TRUE(oracle.contains(key));
    }
}

TEST_F(Hash, AnUnknownKeyIsFollowedByTheFirst) {
    const Ref<Map> m = map(spec(hash, 4, 4, 10));
    uint32_t key = 0, first = 0;
    EXPECT_EQ(next<uint32_t>(*m, std::nullopt, key), ENOENT);
    EXPECT_EQ(next<uint32_t>(*m, 5U, key), ENOENT);
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(update(*m, i, i), 0);
    EXPECT_EQ(next<uint32_t>(*m, std::nullopt, first), 0);
    EXPECT_EQ(next<uint32_t>(*m, 77U, key), 0);
    EXPECT_EQ(key, first);
}

TEST_F(Hash, CrowdedBucketsOverflow) {
    // One bucket for many elements: the table is made for a single element each, the rest of the keys come from a map of its own size.
    auto table = HashTable::create(1, 4, 0);
    ASSERT_TRUE(table.ok());
    HashTable& t = **table;
    ASSERT_EQ(t.bucket_count(), 1U);
    ElementPool::Shape shape;
    shape.element_size = sizeof(Element) + 8;
    const auto pool = ElementPool::create(shape);
    ASSERT_TRUE(pool.ok());
    const rcu::ReadGuard reading;
    for (uint32_t key = 0; key < 100; ++key) {
        Element* const element = (*pool)->allocate(0);
        std::memcpy(element->key(), &key, sizeof key);
        HashTable::Locked bucket(t, 0);
        ASSERT_EQ(bucket.find(&key, t.hash(&key)), nullptr);
        ASSERT_TRUE(bucket.insert(element, t.hash(&key)));
    }
    for (uint32_t key = 0; key < 100; key += 2) {
        HashTable::Locked bucket(t, 0);
        ASSERT_NE(bucket.find(&key, t.hash(&key)), nullptr);
        bucket.remove();
    }
    for (uint32_t key = 0; key < 100; ++key) EXPECT_EQ(t.find<1>(&key) != nullptr, key % 2 == 1) << key;
    HashTable::Cursor cursor;
    int seen = 0;
    for (; t.next(cursor) != nullptr; ++cursor.position) ++seen;
    EXPECT_EQ(seen, 50);
}

TEST_F(Hash, PerCpuValuesAreApart) {
    for (const uint32_t flags : {0U, uint32_t{BPF_F_NO_PREALLOC}}) {
        using Values = std::array<uint64_t, test_cpus>;
        const Ref<Map> m = map(spec(percpu_hash, 4, 8, 1000, flags));
        ASSERT_EQ(m->user_value_size(), 8 * test_cpus);
        for (uint32_t key = 0; key < 1000; ++key) {
            EXPECT_EQ(update(*m, key, Values{key, key + 1, key + 2, key + 3}), 0);
        }
        for (uint32_t key = 0; key < 1000; ++key) {
            for (uint32_t cpu = 0; cpu < test_cpus; ++cpu) {
                auto* const value = static_cast<uint64_t*>(m->lookup_element(&key, cpu));
                ASSERT_NE(value, nullptr);
                EXPECT_EQ(*value, key + cpu);
            }
        }
        const uint32_t key = 7;
        EXPECT_EQ(erase(*m, key), 0);
        // A program's insert sets the value of its CPU and zeroes the others, also in memory used before.
        const uint64_t mine = 42;
        EXPECT_EQ(m->update_element(&key, &mine, BPF_NOEXIST, 1), 0);
        Values read{};
        EXPECT_EQ(lookup(*m, key, read), 0);
        EXPECT_EQ(read, (Values{0, 42, 0, 0}));
        EXPECT_EQ(m->update_element(&key, &mine, BPF_EXIST, 3), 0);
        EXPECT_EQ(m->lookup_and_delete(bytes_of(key), writable_bytes_of(read), 0).code(), 0);
        EXPECT_EQ(read, (Values{0, 42, 0, 42}));
    }
}

TEST_F(Hash, AFullLruMapDropsWhatNobodyLookedUp) {
    const Ref<Map> m = map(spec(lru_hash, 4, 4, 100));
    for (uint32_t key = 0; key < 100; ++key) EXPECT_EQ(update(*m, key, key), 0);
    for (uint32_t round = 0; round < 10; ++round) {
        for (uint32_t key = 0; key < 10; ++key) EXPECT_NE(m->lookup_element(&key, 0), nullptr) << round;
        for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(update(*m, 1000 + round * 20 + i, i, BPF_NOEXIST), 0);
    }
    uint32_t key = 0, count = 0;
    std::optional<uint32_t> at;
    while (next<uint32_t>(*m, at, key) == 0) {
        ++count;
        at = key;
    }
    EXPECT_EQ(count, 100U);
    const uint32_t last = 1199;
    EXPECT_NE(m->lookup_element(&last, 0), nullptr);
}

TEST_F(Hash, AnLruMapOfOneTakesEveryKey) {
    for (const uint32_t type : {lru_hash, lru_percpu_hash}) {
        const Ref<Map> m = map(spec(type, 4, 8, 1));
        const uint64_t value = 1;
        for (uint32_t key = 0; key < 50; ++key) {
            EXPECT_EQ(m->update_element(&key, &value, BPF_ANY, 0), 0);
            EXPECT_NE(m->lookup_element(&key, 0), nullptr);
        }
    }
}

TEST_F(Hash, NoCommonLruRoundsUpToTheCpus) {
    EXPECT_EQ(map(spec(lru_hash, 4, 8, 5, BPF_F_NO_COMMON_LRU))->spec().max_entries, 8U);
    EXPECT_EQ(map(spec(lru_hash, 4, 8, 5))->spec().max_entries, 5U);
}

TEST_F(Hash, SpecialFieldsStartAsZeros) {
    struct Value {
        uint64_t before;
        uint32_t lock, after;
    };
    MapSpec wanted = spec(hash, 4, sizeof(Value), 4);
    wanted.fields = {static_cast<FieldKinds>(FieldKind::spin_lock), {{.kind = FieldKind::spin_lock, .offset = 8, .size = 4}}};
    const Ref<Map> m = map(wanted);
    EXPECT_EQ(update(*m, 1U, Value{1, 77, 3}), 0);
    const uint32_t key = 1;
    auto* value = static_cast<Value*>(m->lookup_element(&key, 0));
    EXPECT_EQ(value->lock, 0U);
    EXPECT_EQ(value->after, 3U);
    EXPECT_EQ(update(*m, 1U, Value{4, 77, 6}, BPF_F_LOCK | BPF_EXIST), 0);
    EXPECT_EQ(m->lookup_element(&key, 0), value);  // in place
    EXPECT_EQ(value->before, 4U);
    EXPECT_EQ(value->lock, 0U);
    EXPECT_EQ(update(*m, 1U, Value{4, 77, 6}, BPF_F_LOCK | BPF_NOEXIST), EEXIST);
}

TEST_F(Hash, AReadersOldValueStaysAsItWas) {
    struct Value {
        uint64_t a, b;
    };
    const Ref<Map> m = map(spec(hash, 4, sizeof(Value), 4));
    EXPECT_EQ(update(*m, 1U, Value{1, 1}), 0);
    const rcu::ReadGuard reading;
    const uint32_t key = 1;
    const auto* old = static_cast<const Value*>(m->lookup_element(&key, 0));
    for (uint64_t i = 2; i < 100; ++i) EXPECT_EQ(update(*m, 1U, Value{i, i}), 0);
    EXPECT_EQ(erase(*m, 1U), 0);
    EXPECT_EQ(update(*m, 2U, Value{7, 7}), 0);
    EXPECT_EQ(old->a, 1U);
    EXPECT_EQ(old->b, 1U);
}

// --- batches
// --------------------------------------------------------------------------------------------------------------------------------

TEST_F(Hash, AWalkOfAnyStepSeesEachElementOnce) {
    const Ref<Map> m = map(spec(hash, 4, 8, 100));
    for (uint32_t key = 0; key < 100; ++key) EXPECT_EQ(update(*m, key, uint64_t{key} * 3), 0);
    for (const uint32_t limit : {1U, 2U, 3U, 7U, 100U, 1000U}) {
        std::vector<uint32_t> keys(limit), all;
        std::vector<uint64_t> values(limit);
        uint32_t cursor = 0;
        for (bool ended = false; !ended;) {
            const auto walked = m->walk(cursor, limit, std::as_writable_bytes(std::span(keys)), std::as_writable_bytes(std::span(values)),
                                        Map::WalkMode::keep, 0);
            ASSERT_TRUE(walked.ok());
            ASSERT_LE(walked.value().copied, limit);
            for (uint32_t i = 0; i < walked.value().copied; ++i) {
                all.push_back(keys[i]);
                EXPECT_EQ(values[i], uint64_t{keys[i]} * 3);
            }
            cursor = walked.value().cursor;
            ended = walked.value().ended;
        }
        EXPECT_EQ(all.size(), 100U);
        EXPECT_EQ(std::set<uint32_t>(all.begin(), all.end()).size(), 100U);
    }
    std::vector<uint32_t> keys(60);
    std::vector<uint64_t> values(60);
    const auto key_bytes = std::as_writable_bytes(std::span(keys)), value_bytes = std::as_writable_bytes(std::span(values));
    const auto first = m->walk(0, 60, key_bytes, value_bytes, Map::WalkMode::remove, 0);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(first.value().copied, 60U);
    EXPECT_FALSE(first.value().ended);
    const auto second = m->walk(first.value().cursor, 60, key_bytes, value_bytes, Map::WalkMode::remove, 0);
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second.value().copied, 40U);
    EXPECT_TRUE(second.value().ended);
    uint32_t key = 0;
    EXPECT_EQ(next<uint32_t>(*m, std::nullopt, key), ENOENT);
    const auto beyond = m->walk(second.value().cursor, 60, key_bytes, value_bytes, Map::WalkMode::keep, 0);
    EXPECT_TRUE(beyond.ok() && beyond.value().ended && beyond.value().copied == 0);
}

// --- threads
// --------------------------------------------------------------------------------------------------------------------------------

struct ChurnCase {
    const char* name;
    uint32_t type, flags, value_words;
};

class HashChurn : public MapTest, public ::testing::WithParamInterface<ChurnCase> {};

// Writers replace, delete and insert; readers must always find the keys that stay, and values whose words belong together.
TEST_P(HashChurn, ReadersFindWhatStays) {
    constexpr uint32_t stays = 64, churns = 256;
    const ChurnCase& test = GetParam();
    const Ref<Map> m = map(spec(test.type, 4, test.value_words * 8, stays + churns, test.flags));
    const bool percpu = m->user_value_size() != test.value_words * 8;
    const auto put = [&](uint32_t key, uint64_t number, uint32_t cpu) {
        const std::vector<uint64_t> value(test.value_words, number << 32 | key);
        const rcu::ReadGuard reading;
        return m->update_element(&key, value.data(), BPF_ANY, cpu);
    };
    for (uint32_t key = 0; key < stays; ++key) {
        for (uint32_t cpu = 0; cpu < test_cpus; ++cpu) ASSERT_EQ(put(key, 0, cpu), 0);
    }
    std::atomic<bool> stop{false};
    std::atomic<uint32_t> lost{0}, foreign{0}, failed{0};
    const auto writer = [&](uint32_t cpu) {
        std::minstd_rand random(cpu + 1);
        for (uint64_t i = 0; i < 4000; ++i) {
            const auto key = static_cast<uint32_t>(stays + random() % churns);
            if (random() % 3 == 0) {
                const long answer = m->delete_element(&key);
                if (answer != 0 && answer != -ENOENT) ++failed;
            } else if (put(key, i, cpu) != 0) {
                ++failed;
            }
            if (i % 8 == 0 && put(static_cast<uint32_t>(random() % stays), i, cpu) != 0) ++failed;
        }
    };
    const auto reader = [&](uint32_t cpu) {
        std::minstd_rand random(cpu + 1);
        while (!stop.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 64; ++i) {
                const auto key = static_cast<uint32_t>(random() % (stays + churns));
                const rcu::ReadGuard reading;
                void* const value = m->lookup_element(&key, cpu);
                if (value == nullptr) {
                    lost += key < stays;
                    continue;
                }
                for (uint32_t word = 0; word < test.value_words; ++word) {
                    auto& place = static_cast<uint64_t*>(value)[word];
                    const uint64_t number = std::atomic_ref(place).load(std::memory_order_relaxed);
                    // Zero: another CPU's program made the element of a per-CPU map.
                    if (static_cast<uint32_t>(number) != key && !(percpu && number == 0)) ++foreign;
                }
            }
        }
    };
    std::thread reading_a(reader, 2), reading_b(reader, 3), writing_a(writer, 0), writing_b(writer, 1);
    std::thread iterating([&] {
        std::vector<std::byte> value(m->user_value_size());
        while (!stop.load(std::memory_order_relaxed)) {
            uint32_t key = 0;
            std::optional<uint32_t> at;
            for (int i = 0; i < 1000 && next<uint32_t>(*m, at, key) == 0; ++i) {
                const int answer = m->lookup(bytes_of(key), value, 0).code();
                if (answer != 0 && answer != ENOENT) ++failed;
                at = key;
            }
        }
    });
    writing_a.join();
    writing_b.join();
    stop = true;
    reading_a.join();
    reading_b.join();
    iterating.join();
    EXPECT_EQ(lost, 0U);
    EXPECT_EQ(foreign, 0U);
    EXPECT_EQ(failed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Types, HashChurn,
                         ::testing::Values(ChurnCase{"hash", hash, 0, 4}, ChurnCase{"small_values", hash, 0, 1},
                                           ChurnCase{"no_prealloc", hash, BPF_F_NO_PREALLOC, 4}, ChurnCase{"percpu", percpu_hash, 0, 2},
                                           ChurnCase{"lru", lru_hash, 0, 2}),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST_F(Hash, AFullLruMapUnderThreadsAlwaysTakesMore) {
    const Ref<Map> m = map(spec(lru_hash, 4, 16, 64));
    std::atomic<uint32_t> failed{0};
    const auto writer = [&](uint32_t cpu) {
        const std::array<uint64_t, 2> value{cpu, cpu};
        for (uint32_t i = 0; i < 5000; ++i) {
            const uint32_t key = i * 2 + cpu;
            const rcu::ReadGuard reading;
            failed += m->update_element(&key, value.data(), BPF_ANY, cpu) != 0;
        }
    };
    std::thread a(writer, 0), b(writer, 1);
    a.join();
    b.join();
    EXPECT_EQ(failed, 0U);
    uint32_t key = 0, count = 0;
    std::optional<uint32_t> at;
    while (next<uint32_t>(*m, at, key) == 0) {
        ++count;
        at = key;
    }
    EXPECT_EQ(count, 64U);
}

}  // namespace
}  // namespace graft
