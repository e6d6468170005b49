#include "map/map_in_map.h"

#include "map/fake_tail_callee.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t array = BPF_MAP_TYPE_ARRAY, hash = BPF_MAP_TYPE_HASH;

class MapInMap : public MapTest {
protected:
    MapSpec outer(uint32_t type, const Map& example, uint32_t entries = 2) {
        MapSpec wanted = spec(type, 4, 4, entries);
        auto shape = make_inner_template(example, ids_);
        EXPECT_EQ(shape.code(), 0);
        wanted.inner = shape.value();
        return wanted;
    }
    Ref<Map> registered(MapSpec wanted) {
        Ref<Map> made = map(std::move(wanted));
        made->register_by_id();
        return made;
    }
};

TEST_F(MapInMap, RefusesWhatLinuxRefuses) {
    const Ref<Map> inner = map(spec(array, 4, 8, 1));
    const Ref<Map> nested = map(outer(BPF_MAP_TYPE_ARRAY_OF_MAPS, *inner));
    EXPECT_EQ(make_inner_template(*nested, ids_).code(), EINVAL);
    EXPECT_EQ(make_inner_template(*map(spec(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1)), ids_).code(), abi::enotsupp);
    EXPECT_EQ(code(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 8, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 1, BPF_F_RDONLY_PROG), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_HASH_OF_MAPS, 4, 8, 1), EINVAL);
}

TEST_F(MapInMap, HoldsMapsOfOneShape) {
    for (const uint32_t type : {uint32_t{BPF_MAP_TYPE_ARRAY_OF_MAPS}, uint32_t{BPF_MAP_TYPE_HASH_OF_MAPS}}) {
        const Ref<Map> one = registered(spec(array, 4, 8, 1)), two = registered(spec(array, 4, 8, 1));
        const Ref<Map> longer = map(spec(array, 4, 8, 2)), other = map(spec(hash, 4, 8, 1));
        const Ref<Map> m = map(outer(type, *one));
        ASSERT_NE(m->inner_template(), nullptr);
        EXPECT_EQ(m->inner_template()->spec().value_size, 8U);
        const auto put = [&](uint32_t key, const Ref<Map>& inner, uint64_t flags = BPF_ANY) {
            return update(*m, key, caller_.add(Ref<Object>(inner)), flags);
        };
        EXPECT_EQ(put(0, longer), EINVAL);
        EXPECT_EQ(put(0, other), EINVAL);
        EXPECT_EQ(update(*m, 0U, 9999), EBADF);
        EXPECT_EQ(put(0, one), 0);
        uint32_t id = 0;
        EXPECT_EQ(lookup(*m, 0U, id), 0);
        EXPECT_EQ(id, one->id());
        EXPECT_EQ(put(0, two), 0);
        {
            const rcu::ReadGuard reading;
            const uint32_t key = 0;
            EXPECT_EQ(m->lookup_element(&key, 0), two.get());
        }
        EXPECT_EQ(lookup(*m, 1U, id), ENOENT);
        EXPECT_EQ(erase(*m, 1U), ENOENT);
        EXPECT_EQ(erase(*m, 0U), 0);
        EXPECT_EQ(lookup(*m, 0U, id), ENOENT);
        EXPECT_EQ(put(1, one), 0);  // stays until the map goes
    }
}

TEST_F(MapInMap, AnArrayForInsideMayHaveAnyLength) {
    MapSpec shape = spec(array, 4, 8, 1, BPF_F_INNER_MAP);
    const Ref<Map> m = map(outer(BPF_MAP_TYPE_ARRAY_OF_MAPS, *map(shape)));
    shape.max_entries = 7;
    EXPECT_EQ(update(*m, 0U, caller_.add(Ref<Object>(map(shape)))), 0);
    EXPECT_EQ(update(*m, 0U, caller_.add(Ref<Object>(map(shape))), BPF_EXIST), EINVAL);
    EXPECT_EQ(update(*m, 2U, caller_.add(Ref<Object>(map(shape)))), E2BIG);
}

TEST_F(MapInMap, ACpumapTakesQueuesAndItsPrograms) {
    constexpr uint32_t cpumap = BPF_MAP_TYPE_CPUMAP;
    EXPECT_EQ(code(cpumap, 4, 8, 4), 0);
    EXPECT_EQ(code(cpumap, 4, 6, 4), EINVAL);
    EXPECT_EQ(code(cpumap, 4, 4, 8193), E2BIG);
    EXPECT_EQ(code(cpumap, 4, 4, 4, BPF_F_RDONLY_PROG), EINVAL);
    const Ref<Map> m = map(spec(cpumap, 4, 8, test_cpus + 1));
    const auto value = [](uint32_t size, int fd) {
        bpf_cpumap_val wanted{};
        wanted.qsize = size;
        wanted.bpf_prog.fd = fd;
        return wanted;
    };
    EXPECT_EQ(update(*m, 0U, value(16385, 0)), EOVERFLOW);
    EXPECT_EQ(update(*m, 0U, value(64, 0), BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, test_cpus + 1, value(64, 0)), E2BIG);
    EXPECT_EQ(update(*m, test_cpus, value(64, 0)), ENODEV);
    EXPECT_EQ(update(*m, 0U, value(64, 9999)), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(64, 0)), 0);
    bpf_cpumap_val seen{};
    EXPECT_EQ(lookup(*m, 0U, seen), 0);
    EXPECT_EQ(seen.qsize, 64U);
    EXPECT_EQ(update(*m, 0U, value(0, 0)), 0);
    EXPECT_EQ(lookup(*m, 0U, seen), ENOENT);
}

}  // namespace
}  // namespace graft
