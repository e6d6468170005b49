// What the unit tests of maps share: an environment, and maps made with few words.
#pragma once

#include <gtest/gtest.h>

#include "base/rcu.h"
#include "map/map_types.h"
#include "object/fake_caller.h"

namespace graft {

inline constexpr uint32_t test_cpus = 4;

class MapTest : public ::testing::Test {
protected:
    ~MapTest() override { rcu::barrier(); }

    static MapSpec spec(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags = 0) {
        MapSpec wanted;
        wanted.type = type;
        wanted.key_size = key_size;
        wanted.value_size = value_size;
        wanted.max_entries = max_entries;
        wanted.flags = flags;
        return wanted;
    }
    Result<Ref<Map>> make(MapSpec wanted) {
        const MapType* type = find_map_type(wanted.type);
        if (type == nullptr) return fail(EINVAL);
        TRY(type->check(wanted, environment_));
        wanted.flags |= type->implied_flags;
        return type->create(std::move(wanted), environment_);
    }
    // For specs that must succeed.
    Ref<Map> map(MapSpec wanted) {
        auto made = make(std::move(wanted));
        EXPECT_EQ(made.code(), 0);
        return made.ok() ? *made : nullptr;
    }
    int code(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags = 0) {
        return make(spec(type, key_size, value_size, max_entries, flags)).code();
    }

    template <class K, class V>
    int update(Map& m, const K& key, const V& value, uint64_t flags = BPF_ANY) {
        return m.update(caller_, bytes_of(key), bytes_of(value), flags).code();
    }
    template <class K, class V>
    static int lookup(Map& m, const K& key, V& value, uint64_t flags = 0) {
        return m.lookup(bytes_of(key), writable_bytes_of(value), flags).code();
    }
    template <class K>
    static int erase(Map& m, const K& key) {
        return m.erase(bytes_of(key)).code();
    }
    template <class K>
    static int next(Map& m, const std::optional<K>& key, K& following) {
        return m.next_key(key ? std::optional(bytes_of(*key)) : std::nullopt, writable_bytes_of(following)).code();
    }

    IdTable<Map> ids_;
    MapEnvironment environment_{.ids = ids_, .possible_cpus = test_cpus};
    FakeCaller caller_;
};

}  // namespace graft
