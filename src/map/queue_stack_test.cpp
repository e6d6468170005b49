#include "map/queue_stack.h"

#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t queue = BPF_MAP_TYPE_QUEUE, stack = BPF_MAP_TYPE_STACK, bloom = BPF_MAP_TYPE_BLOOM_FILTER;

class QueueStack : public MapTest {
protected:
    int push(Map& m, uint32_t value, uint64_t flags = BPF_ANY) { return m.update(caller_, {}, bytes_of(value), flags).code(); }
    static int pop(Map& m, uint32_t& value) { return m.lookup_and_delete({}, writable_bytes_of(value), 0).code(); }
    static int peek(Map& m, uint32_t& value) { return m.lookup({}, writable_bytes_of(value), 0).code(); }
};

TEST_F(QueueStack, RefusesWhatLinuxRefuses) {
    for (const uint32_t type : {queue, stack}) {
        EXPECT_EQ(code(type, 0, 4, 1), 0);
        EXPECT_EQ(code(type, 4, 4, 1), EINVAL);
        EXPECT_EQ(code(type, 0, 0, 1), EINVAL);
        EXPECT_EQ(code(type, 0, 4, 0), EINVAL);
        EXPECT_EQ(code(type, 0, 4, 1, BPF_F_NO_PREALLOC), EINVAL);
        EXPECT_EQ(code(type, 0, (4U << 20) + 1, 1), E2BIG);
    }
}

TEST_F(QueueStack, OrderAndLimits) {
    for (const uint32_t type : {queue, stack}) {
        const Ref<Map> m = map(spec(type, 0, 4, 3));
        uint32_t value = 77;
        EXPECT_EQ(peek(*m, value), ENOENT);
        EXPECT_EQ(pop(*m, value), ENOENT);
        EXPECT_EQ(value, 0U);
        EXPECT_EQ(push(*m, 1, BPF_NOEXIST), EINVAL);
        EXPECT_EQ(push(*m, 1, 3), EINVAL);
        for (const uint32_t v : {1U, 2U, 3U}) EXPECT_EQ(push(*m, v), 0);
        EXPECT_EQ(push(*m, 4), E2BIG);
        EXPECT_EQ(push(*m, 4, BPF_EXIST), 0);  // the oldest goes
        EXPECT_EQ(peek(*m, value), 0);
        EXPECT_EQ(value, type == queue ? 2U : 4U);
        EXPECT_EQ(m->lookup_and_delete({}, writable_bytes_of(value), BPF_F_LOCK).code(), EINVAL);
        std::vector<uint32_t> popped;
        while (pop(*m, value) == 0) popped.push_back(value);
        EXPECT_EQ(popped, type == queue ? (std::vector<uint32_t>{2, 3, 4}) : (std::vector<uint32_t>{4, 3, 2}));
        EXPECT_EQ(m->erase({}).code(), EINVAL);
        EXPECT_EQ(m->next_key(std::nullopt, {}).code(), EINVAL);
    }
}

TEST_F(QueueStack, ABloomFilterForgetsNothing) {
    MapSpec wanted = spec(bloom, 0, 8, 1000);
    wanted.extra = 16;
    EXPECT_EQ(make(wanted).code(), EINVAL);
    wanted.extra = 3;
    const Ref<Map> m = map(wanted);
    for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(m->update(caller_, {}, bytes_of(i), BPF_ANY).code(), 0);
    uint32_t wrong = 0;
    for (uint64_t i = 0; i < 2000; ++i) {
        uint64_t asked = i;
        const int answer = m->lookup({}, writable_bytes_of(asked), 0).code();
        if (i < 1000) {
            EXPECT_EQ(answer, 0);
        }
        wrong += i >= 1000 && answer == 0 ? 1 : 0;
    }
    EXPECT_LT(wrong, 500U);
    uint64_t value = 1;
    EXPECT_EQ(m->update(caller_, {}, bytes_of(value), BPF_NOEXIST).code(), EINVAL);
    EXPECT_EQ(m->erase({}).code(), EOPNOTSUPP);
    EXPECT_EQ(m->next_key(std::nullopt, {}).code(), EOPNOTSUPP);
    EXPECT_EQ(m->lookup_and_delete({}, writable_bytes_of(value), 0).code(), abi::enotsupp);
    EXPECT_EQ(code(bloom, 4, 8, 1), EINVAL);
}

}  // namespace
}  // namespace graft
