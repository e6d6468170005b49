#include "map/prog_array.h"

#include <thread>

#include "map/fake_tail_callee.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr TailCallee::Kind xdp{.prog_type = BPF_PROG_TYPE_XDP};

class ProgArray : public MapTest {
protected:
    Ref<Map> m = map(spec(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3));
    Ref<FakeTailCallee> program = make_ref<FakeTailCallee>(7U, xdp);
    int fd = caller_.add(program);

    int read_id(uint32_t index, uint32_t& id) { return lookup(*m, index, id); }
};

TEST_F(ProgArray, RefusesWhatLinuxRefuses) {
    constexpr uint32_t type = BPF_MAP_TYPE_PROG_ARRAY;
    EXPECT_EQ(code(type, 4, 8, 1), EINVAL);
    EXPECT_EQ(code(type, 8, 4, 1), EINVAL);
    EXPECT_EQ(code(type, 4, 4, 0), EINVAL);
    EXPECT_EQ(code(type, 4, 4, 1, BPF_F_RDONLY_PROG), EINVAL);
    EXPECT_EQ(code(type, 4, 4, 1, BPF_F_MMAPABLE), EINVAL);
    EXPECT_EQ(code(type, 4, 4, 1, BPF_F_INNER_MAP), EINVAL);
    EXPECT_EQ(code(type, 4, 4, 0xffffffff), ENOMEM);
}

TEST_F(ProgArray, TakesDescriptorsAndShowsIds) {
    uint32_t id = 0;
    EXPECT_EQ(read_id(1, id), ENOENT);
    EXPECT_EQ(m->tail_callee(1), nullptr);
    EXPECT_EQ(update(*m, 1U, fd), 0);
    EXPECT_EQ(program->arrays, 1);
    EXPECT_EQ(m->tail_callee(1), program.get());
    EXPECT_EQ(read_id(1, id), 0);
    EXPECT_EQ(id, 7U);
    EXPECT_EQ(read_id(3, id), ENOENT);
    EXPECT_EQ(m->tail_callee(3), nullptr);
    EXPECT_EQ(m->tail_callee(UINT32_MAX), nullptr);
    EXPECT_EQ(update(*m, 1U, fd), 0);  // itself
    EXPECT_EQ(program->arrays, 1);
    EXPECT_EQ(erase(*m, 1U), 0);
    EXPECT_EQ(program->arrays, 0);
    EXPECT_EQ(erase(*m, 1U), ENOENT);
    EXPECT_EQ(erase(*m, 3U), E2BIG);
}

TEST_F(ProgArray, RefusesInLinuxsOrder) {
    EXPECT_EQ(update(*m, 9U, 999, BPF_NOEXIST), EINVAL);
    EXPECT_EQ(update(*m, 9U, 999), E2BIG);
    EXPECT_EQ(update(*m, 0U, 999), EBADF);
    EXPECT_EQ(update(*m, 0U, 1), EINVAL);
    EXPECT_EQ(update(*m, 0U, caller_.add(m)), EINVAL);  // a map
    const auto extension = make_ref<FakeTailCallee>(8U, xdp);
    extension->is_extension = true;
    EXPECT_EQ(update(*m, 0U, caller_.add(extension)), EINVAL);
    program->is_extended = true;
    EXPECT_EQ(update(*m, 0U, fd), EBUSY);
}

TEST_F(ProgArray, OneKindOnly) {
    const auto add = [&](TailCallee::Kind kind) { return caller_.add(make_ref<FakeTailCallee>(9U, kind)); };
    EXPECT_EQ(m->admit_user(xdp).code(), 0);
    EXPECT_EQ(update(*m, 0U, add({.prog_type = BPF_PROG_TYPE_SOCKET_FILTER})), EINVAL);
    EXPECT_EQ(update(*m, 0U, add({.prog_type = BPF_PROG_TYPE_XDP, .expected_attach_type = BPF_XDP_DEVMAP})), EINVAL);
    EXPECT_EQ(update(*m, 0U, add({.prog_type = BPF_PROG_TYPE_XDP, .xdp_has_frags = true})), EINVAL);
    EXPECT_EQ(update(*m, 0U, fd), 0);
    EXPECT_EQ(m->admit_user({.prog_type = BPF_PROG_TYPE_SOCKET_FILTER}).code(), EINVAL);
}

TEST_F(ProgArray, GivesItsProgramsUpWithItsLastUser) {
    {
        const UserRef descriptor(m), pin(m);
        EXPECT_EQ(update(*m, 0U, fd), 0);
        EXPECT_EQ(program->arrays, 1);
    }
    EXPECT_EQ(program->arrays, 0);
    EXPECT_EQ(m->tail_callee(0), nullptr);
    EXPECT_EQ(update(*m, 0U, fd), 0);  // by a descriptor that was closed meanwhile
    EXPECT_EQ(program->arrays, 0);
    const UserRef again(m);
    EXPECT_EQ(update(*m, 0U, fd), 0);
    EXPECT_EQ(program->arrays, 1);
}

TEST_F(ProgArray, GivesItsProgramsUpWhenItGoes) {
    EXPECT_EQ(update(*m, 0U, fd), 0);
    EXPECT_EQ(update(*m, 2U, fd), 0);
    EXPECT_EQ(program->arrays, 2);
    m = nullptr;
    rcu::barrier();
    EXPECT_EQ(program->arrays, 0);
    EXPECT_EQ(program->ref_count(), 2U);  // ours and the descriptor's
}

TEST_F(ProgArray, ReadersSeeAProgramOrNone) {
    const int other = caller_.add(make_ref<FakeTailCallee>(8U, xdp));
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const rcu::ReadGuard reading;
            const TailCallee* const seen = m->tail_callee(0);
            EXPECT_TRUE(seen == nullptr || seen->program_id() == 7 || seen->program_id() == 8);
        }
    });
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(update(*m, 0U, i % 2 == 0 ? fd : other), 0);
        if (i % 3 == 0) {
            EXPECT_EQ(erase(*m, 0U), 0);
        }
    }
    stop = true;
    reader.join();
}

}  // namespace
}  // namespace graft
