#include "map/devmap.h"

#include <set>

#include "map/fake_tail_callee.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t devmap = BPF_MAP_TYPE_DEVMAP, devmap_hash = BPF_MAP_TYPE_DEVMAP_HASH;
constexpr uint32_t no_interface = 9999;

class Devmap : public MapTest {
protected:
    static bpf_devmap_val value(uint32_t ifindex, int fd = -1) {
        bpf_devmap_val wanted{};
        wanted.ifindex = ifindex;
        wanted.bpf_prog.fd = fd;
        return wanted;
    }
    int program(TailCallee::Kind kind) { return caller_.add(make_ref<FakeTailCallee>(7U, kind)); }
    int for_devmaps() { return program({.prog_type = BPF_PROG_TYPE_XDP, .expected_attach_type = BPF_XDP_DEVMAP}); }
    static uint32_t ifindex_of(Map& m, uint32_t key) {
        bpf_devmap_val read{};
        return lookup(m, key, read) == 0 ? read.ifindex : 0;
    }
};

TEST_F(Devmap, RefusesWhatLinuxRefuses) {
    for (const uint32_t type : {devmap, devmap_hash}) {
        EXPECT_EQ(code(type, 4, 4, 1), 0);
        EXPECT_EQ(code(type, 4, 8, 1), 0);
        EXPECT_EQ(code(type, 4, 5, 1), EINVAL);
        EXPECT_EQ(code(type, 8, 4, 1), EINVAL);
        EXPECT_EQ(code(type, 4, 4, 0), EINVAL);
        EXPECT_EQ(code(type, 4, 4, 1, BPF_F_RDONLY_PROG), EINVAL);
        EXPECT_EQ(code(type, 4, 4, 1, BPF_F_NO_PREALLOC), EINVAL);
        EXPECT_EQ(map(spec(type, 4, 4, 1))->spec().flags, BPF_F_RDONLY_PROG);
    }
    EXPECT_EQ(code(devmap_hash, 4, 4, (1U << 31) + 1), EINVAL);
}

TEST_F(Devmap, ElementsAnswerAsOnLinux) {
    const Ref<Map> m = map(spec(devmap, 4, 8, 2));
    EXPECT_EQ(update(*m, 0U, value(1), 4), EINVAL);
    EXPECT_EQ(update(*m, 9U, value(no_interface)), E2BIG);
    EXPECT_EQ(update(*m, 0U, value(no_interface), BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, 0U, value(no_interface)), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(1), BPF_EXIST), 0);
    EXPECT_EQ(ifindex_of(*m, 0), 1U);
    EXPECT_EQ(update(*m, 0U, value(0)), 0);  // empties the slot
    EXPECT_EQ(ifindex_of(*m, 0), 0U);
    EXPECT_EQ(update(*m, 0U, value(0, for_devmaps())), EINVAL);
    EXPECT_EQ(erase(*m, 0U), 0);
    EXPECT_EQ(erase(*m, 0U), 0);
    EXPECT_EQ(erase(*m, 2U), EINVAL);
    uint32_t key = 9;
    EXPECT_EQ(next<uint32_t>(*m, 77U, key), 0);
    EXPECT_EQ(key, 0U);
    EXPECT_EQ(next<uint32_t>(*m, 1U, key), ENOENT);
}

TEST_F(Devmap, ProgramsMustBeMadeForIt) {
    for (const uint32_t type : {devmap, devmap_hash}) {
        const Ref<Map> m = map(spec(type, 4, 8, 2));
        EXPECT_EQ(update(*m, 0U, value(1, program({.prog_type = BPF_PROG_TYPE_XDP}))), EINVAL);
        EXPECT_EQ(update(*m, 0U, value(1, program({.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .expected_attach_type = BPF_XDP_DEVMAP}))),
                  EINVAL);
        EXPECT_EQ(update(*m, 0U, value(1, 999)), EINVAL);
        EXPECT_EQ(update(*m, 0U, value(1, caller_.add(m))), EINVAL);
        EXPECT_EQ(update(*m, 0U, value(1, for_devmaps())), 0);
        bpf_devmap_val read{};
        EXPECT_EQ(lookup(*m, 0U, read), 0);
        EXPECT_EQ(read.bpf_prog.id, 7U);
        const TailCallee::Kind with_frags{.prog_type = BPF_PROG_TYPE_XDP, .expected_attach_type = BPF_XDP_DEVMAP, .xdp_has_frags = true};
        EXPECT_EQ(update(*m, 1U, value(1, program(with_frags))), EINVAL);
        caller_.forget();
    }
}

TEST_F(Devmap, ProgramsThatUseItAreOfItsKind) {
    const TailCallee::Kind user{.prog_type = BPF_PROG_TYPE_XDP}, with_frags{.prog_type = BPF_PROG_TYPE_XDP, .xdp_has_frags = true};
    const Ref<Map> m = map(spec(devmap, 4, 8, 2)), hashed = map(spec(devmap_hash, 4, 8, 2));
    EXPECT_EQ(update(*m, 0U, value(1, for_devmaps())), 0);
    EXPECT_EQ(update(*hashed, 0U, value(1, for_devmaps())), 0);
    EXPECT_EQ(m->admit_user(user).code(), 0);
    EXPECT_EQ(m->admit_user(with_frags).code(), EINVAL);
    EXPECT_EQ(hashed->admit_user(with_frags).code(), 0);
    caller_.forget();
}

TEST_F(Devmap, HashTakesAnyKey) {
    const Ref<Map> m = map(spec(devmap_hash, 4, 8, 4));
    EXPECT_EQ(update(*m, 100U, value(1)), 0);
    EXPECT_EQ(update(*m, 100U, value(0)), EINVAL);
    EXPECT_EQ(update(*m, 100U, value(no_interface), BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, 100U, value(no_interface)), EINVAL);
    EXPECT_EQ(update(*m, 7U, value(2), BPF_EXIST), 0);  // as Linux: no ENOENT
    EXPECT_EQ(update(*m, 7U, value(2), 3), EINVAL);
    EXPECT_EQ(erase(*m, 7U), 0);
    EXPECT_EQ(erase(*m, 7U), ENOENT);
    for (uint32_t key = 1; key <= 3; ++key) EXPECT_EQ(update(*m, key * 4, value(key)), 0);
    EXPECT_EQ(update(*m, 50U, value(no_interface)), EINVAL);
    EXPECT_EQ(update(*m, 50U, value(1)), E2BIG);
    EXPECT_EQ(update(*m, 8U, value(9)), 0);
    EXPECT_EQ(ifindex_of(*m, 8), 9U);
    std::set<uint32_t> keys;
    std::optional<uint32_t> at;
    uint32_t key = 0;
    while (next<uint32_t>(*m, at, key) == 0) {
        EXPECT_TRUE(keys.insert(key).second);
        at = key;
    }
    EXPECT_EQ(keys, (std::set<uint32_t>{4, 8, 12, 100}));
    uint32_t first = 0;
    EXPECT_EQ(next<uint32_t>(*m, std::nullopt, first), 0);
    EXPECT_EQ(next<uint32_t>(*m, 55U, key), 0);
    EXPECT_EQ(key, first);
}

TEST_F(Devmap, EntriesGoWithTheirInterface) {
    for (const uint32_t type : {devmap, devmap_hash}) {
        const Ref<Map> m = map(spec(type, 4, 4, 8));
        for (uint32_t key = 0; key < 6; ++key) EXPECT_EQ(update(*m, key, 1 + key % 2), 0);
        m->interface_gone(1, 2);
        m->interface_gone(77, 1);  // of another namespace
        const rcu::ReadGuard reading;
        uint32_t left = 0;
        uint64_t cursor = 0;
        while (const DevmapEntry* entry = static_cast<const DevmapMap&>(*m).next_entry(cursor)) {
            EXPECT_EQ(entry->value.ifindex, 1U);
            EXPECT_EQ(entry->netns_cookie, 1U);
            ++left;
        }
        EXPECT_EQ(left, 3U);
        const uint32_t key = 0, gone = 1;
        EXPECT_EQ(*static_cast<const uint32_t*>(m->lookup_element(&key, 0)), 1U);
        EXPECT_EQ(m->lookup_element(&gone, 0), nullptr);
    }
}

}  // namespace
}  // namespace graft
