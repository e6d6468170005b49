#include "map/cpumap.h"

#include "map/fake_tail_callee.h"
#include "map/map_test_support.h"

namespace graft {
namespace {

constexpr uint32_t cpumap = BPF_MAP_TYPE_CPUMAP;

class Cpumap : public MapTest {
protected:
    static bpf_cpumap_val value(uint32_t queue, int fd = -1) {
        bpf_cpumap_val wanted{};
        wanted.qsize = queue;
        wanted.bpf_prog.fd = fd;
        return wanted;
    }
    int program(uint32_t prog_type, uint32_t attach_type) {
        return caller_.add(make_ref<FakeTailCallee>(7U, TailCallee::Kind{.prog_type = prog_type, .expected_attach_type = attach_type}));
    }
    int for_cpumaps() { return program(BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP); }
};

TEST_F(Cpumap, RefusesWhatLinuxRefuses) {
    EXPECT_EQ(code(cpumap, 4, 4, 1), 0);
    EXPECT_EQ(code(cpumap, 4, 8, 8192), 0);
    EXPECT_EQ(code(cpumap, 4, 8, 8193), E2BIG);
    EXPECT_EQ(code(cpumap, 4, 8, 0), EINVAL);
    EXPECT_EQ(code(cpumap, 8, 8, 1), EINVAL);
    EXPECT_EQ(code(cpumap, 4, 6, 1), EINVAL);
    EXPECT_EQ(code(cpumap, 4, 8, 1, BPF_F_RDONLY_PROG), EINVAL);
}

TEST_F(Cpumap, ElementsAnswerAsOnLinux) {
    const Ref<Map> m = map(spec(cpumap, 4, 8, test_cpus + 1));
    bpf_cpumap_val read{};
    EXPECT_EQ(lookup(*m, 0U, read), ENOENT);
    EXPECT_EQ(update(*m, 0U, value(64), 4), EINVAL);
    EXPECT_EQ(update(*m, test_cpus + 1, value(64)), E2BIG);
    EXPECT_EQ(update(*m, 0U, value(64), BPF_NOEXIST), EEXIST);
    EXPECT_EQ(update(*m, 0U, value(16385)), EOVERFLOW);
    EXPECT_EQ(update(*m, test_cpus, value(64)), ENODEV);
    EXPECT_EQ(update(*m, 0U, value(64), BPF_EXIST), 0);
    EXPECT_EQ(lookup(*m, 0U, read), 0);
    EXPECT_EQ(read.qsize, 64U);
    EXPECT_EQ(read.bpf_prog.id, 0U);
    EXPECT_EQ(update(*m, 0U, value(0)), 0);  // empties the slot
    EXPECT_EQ(lookup(*m, 0U, read), ENOENT);
    EXPECT_EQ(erase(*m, 0U), 0);
    EXPECT_EQ(erase(*m, test_cpus + 1), EINVAL);
}

TEST_F(Cpumap, ProgramsMustBeMadeForIt) {
    const Ref<Map> m = map(spec(cpumap, 4, 8, 1));
    EXPECT_EQ(update(*m, 0U, value(64, 999)), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(64, caller_.add(m))), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(64, program(BPF_PROG_TYPE_XDP, 0))), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(64, program(BPF_PROG_TYPE_SCHED_CLS, BPF_XDP_CPUMAP))), EINVAL);
    EXPECT_EQ(update(*m, 0U, value(64, for_cpumaps())), 0);
    bpf_cpumap_val read{};
    EXPECT_EQ(lookup(*m, 0U, read), 0);
    EXPECT_EQ(read.bpf_prog.id, 7U);
    const rcu::ReadGuard reading;
    const auto* const entry = static_cast<CpumapMap&>(*m).entry(0);
    ASSERT_NE(entry, nullptr);
    EXPECT_TRUE(entry->program);
    EXPECT_EQ(static_cast<CpumapMap&>(*m).entry(1), nullptr);
    caller_.forget();
}

}  // namespace
}  // namespace graft
