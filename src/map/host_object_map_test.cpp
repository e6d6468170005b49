// Maps of what graft does not have: which are made, and that they stay empty.  What Linux 6.12 answers was asked of it.
#include "map/host_object_map.h"

#include "map/map_test_support.h"

namespace graft {
namespace {

class HostObjectMaps : public MapTest {
protected:
    int storage(uint32_t type, uint32_t value_size, uint32_t flags, uint32_t key_type, uint32_t value_type) {
        MapSpec wanted = spec(type, 4, value_size, 0, flags);
        wanted.btf_key_type_id = key_type;
        wanted.btf_value_type_id = value_type;
        return make(wanted).code();
    }
};

TEST_F(HostObjectMaps, OfSockets) {
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 4, 4, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 4, 8, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 4, 2, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 8, 4, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 4, 4, 0), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKMAP, 4, 4, 1, BPF_F_NO_PREALLOC), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKHASH, 16, 4, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKHASH, 0, 4, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_SOCKHASH, 513, 4, 1), E2BIG);
    EXPECT_EQ(code(BPF_MAP_TYPE_XSKMAP, 4, 4, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_XSKMAP, 4, 8, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 2, 1), EINVAL);
}

TEST_F(HostObjectMaps, OfCgroupsAndStacks) {
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 8, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_STACK_TRACE, 4, 8 * 127, 1), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_STACK_TRACE, 4, 8 * 128, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_STACK_TRACE, 4, 12, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_STACK_TRACE, 4, 4, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_STORAGE, sizeof(bpf_cgroup_storage_key), 8, 0), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0), 0);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_STORAGE, 4, 8, 0), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 1), EINVAL);
    EXPECT_EQ(code(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 4097, 0), E2BIG);
}

TEST_F(HostObjectMaps, StoragesHaveBtfAndNoPreallocation) {
    for (const uint32_t type : {uint32_t{BPF_MAP_TYPE_SK_STORAGE}, uint32_t{BPF_MAP_TYPE_TASK_STORAGE},
                                uint32_t{BPF_MAP_TYPE_INODE_STORAGE}, abi::map_type_cgrp_storage}) {
        EXPECT_EQ(storage(type, 8, BPF_F_NO_PREALLOC, 1, 2), 0);
        EXPECT_EQ(storage(type, 8, 0, 1, 2), EINVAL);
        EXPECT_EQ(storage(type, 8, BPF_F_NO_PREALLOC, 0, 2), EINVAL);
        EXPECT_EQ(storage(type, 8, BPF_F_NO_PREALLOC, 1, 0), EINVAL);
        EXPECT_EQ(storage(type, 1 << 20, BPF_F_NO_PREALLOC, 1, 2), E2BIG);
    }
}

TEST_F(HostObjectMaps, StayEmpty) {
    const Ref<Map> m = map(spec(BPF_MAP_TYPE_SOCKMAP, 4, 4, 1));
    const uint32_t key = 0;
    uint32_t value = 0;
    EXPECT_EQ(update(*m, key, value), EOPNOTSUPP);
    EXPECT_EQ(lookup(*m, key, value), ENOENT);
    EXPECT_EQ(erase(*m, key), ENOENT);
    EXPECT_EQ(m->lookup_element(&key, 0), nullptr);
    const Ref<Map> storage = map(spec(BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0));
    const uint64_t cgroup = 1;
    uint64_t count = 0;
    EXPECT_EQ(lookup(*storage, cgroup, count), ENOENT);
    EXPECT_EQ(update(*storage, cgroup, count), ENOENT);
    EXPECT_NE(storage->lookup_element(nullptr, 1), storage->lookup_element(nullptr, 2));  // a run's own
}

}  // namespace
}  // namespace graft
