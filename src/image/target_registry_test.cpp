#include "image/target_registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

// main: returns callee 1 * 1000 + callee 2; the callees return 1 and 2.
const std::vector<Insns> two_callees{
    {mov(1, 0), call(1), insn(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 1000), mov_reg(6, 0), call(2), add_reg(0, 6), exit()},
    {mov(0, 1), exit()},
    {mov(0, 2), exit()}};

struct Relink : testing::Test {
    TargetRegistry targets{interpreter()};

    Ref<Program> load(const std::vector<Insns>& functions) {
        Ref<Program> program = make_program(functions);
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
};

TEST_F(Relink, AnExtensionReplacesOneFunctionUntilItIsDetached) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{call(1), add(0, 5), exit()}, {mov(0, 70), exit()}});
    EXPECT_EQ(run(*target), 1002U);
    ASSERT_TRUE(targets.attach_extension(*target, 2, extension).ok());
    EXPECT_EQ(run(*target), 1075U);
    EXPECT_EQ(targets.extension_at(*target, 2), extension);
    EXPECT_FALSE(targets.extension_at(*target, 1));
    targets.detach_extension(*target, 2);
    EXPECT_EQ(run(*target), 1002U);
    rcu::barrier();
    EXPECT_EQ(extension->ref_count(), 1U);
}

TEST_F(Relink, OneExtensionSitsInManyPlaces) {
    const Ref<Program> a = load(two_callees), b = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 9), exit()}});
    ASSERT_TRUE(targets.attach_extension(*a, 1, extension).ok());
    ASSERT_TRUE(targets.attach_extension(*a, 2, extension).ok());
    ASSERT_TRUE(targets.attach_extension(*b, 1, extension).ok());
    EXPECT_EQ(run(*a), 9009U);
    EXPECT_EQ(run(*b), 9002U);
    // One instance of it in the image, not one a place.
    EXPECT_EQ(rcu::load(a->image)->functions.size(), 4U);
    targets.detach_extension(*a, 1);
    EXPECT_EQ(run(*a), 1009U);
    targets.detach_extension(*a, 2);
    targets.detach_extension(*b, 1);
    EXPECT_EQ(run(*a), 1002U);
    EXPECT_EQ(run(*b), 1002U);
}

TEST_F(Relink, TheMainFunctionIsReplacedToo) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 77), exit()}});
    ASSERT_TRUE(targets.attach_extension(*target, 0, extension).ok());
    EXPECT_EQ(run(*target), 77U);
    targets.detach_extension(*target, 0);
    EXPECT_EQ(run(*target), 1002U);
}

TEST_F(Relink, APlaceIsTakenOnce) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> first = load({{mov(0, 8), exit()}}), second = load({{mov(0, 9), exit()}});
    ASSERT_TRUE(targets.attach_extension(*target, 1, first).ok());
    EXPECT_EQ(targets.attach_extension(*target, 1, second).code(), EBUSY);
    EXPECT_EQ(targets.attach_extension(*target, 1, first).code(), EBUSY);
    EXPECT_EQ(run(*target), 8002U);
    targets.detach_extension(*target, 1);
}

TEST_F(Relink, AProgramArrayAndAnExtensionExcludeEachOther) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 8), exit()}});
    ASSERT_TRUE(target->enter_program_array().ok());
    EXPECT_EQ(targets.attach_extension(*target, 1, extension).code(), EBUSY);
    EXPECT_FALSE(targets.extension_at(*target, 1));
    target->leave_program_array();
    ASSERT_TRUE(targets.attach_extension(*target, 1, extension).ok());
    EXPECT_EQ(target->enter_program_array().code(), EBUSY);
    targets.detach_extension(*target, 1);
    ASSERT_TRUE(target->enter_program_array().ok());
    target->leave_program_array();
}

// An engine that runs out of memory on demand.
class Failing final : public Engine {
public:
    const char* name() const override { return "failing"; }
    Result<std::unique_ptr<EngineCode>> compile(const VerifiedProgram& program) const override { return interpreter().compile(program); }
    Result<void> link(Image& image) const override {
        if (failures > 0) {
            --failures;
            return fail(ENOMEM);
        }
        return interpreter().link(image);
    }
    mutable int failures = 0;
};

TEST_F(Relink, WithoutMemoryAnAttachChangesNothing) {
    Failing engine;
    TargetRegistry registry(engine);
    const Ref<Program> target = make_program(two_callees), extension = make_program(std::vector<Insns>{{mov(0, 8), exit()}});
    ASSERT_TRUE(registry.link(*target).ok());
    const Image* before = rcu::load(target->image);
    engine.failures = 1;
    EXPECT_EQ(registry.attach_extension(*target, 1, extension).code(), ENOMEM);
    EXPECT_EQ(rcu::load(target->image), before);
    EXPECT_FALSE(registry.extension_at(*target, 1));
    EXPECT_EQ(extension->ref_count(), 1U);
    ASSERT_TRUE(target->enter_program_array().ok());  // not left as extended
    target->leave_program_array();

    ASSERT_TRUE(registry.attach_extension(*target, 1, extension).ok());
    engine.failures = 3;
    registry.detach_extension(*target, 1);  // waits until there is memory
    EXPECT_EQ(engine.failures, 0);
    EXPECT_EQ(run(*target), 1002U);
}

// Each run sees one whole image: the callees are replaced together or not at all... a pair of runs may differ, a run is never mixed within
// a place.
TEST_F(Relink, PacketsRunWhileExtensionsComeAndGo) {
    const Ref<Program> target = load(two_callees);
    const Ref<Program> extension = load({{mov(0, 9), exit()}});
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> runs{0}, wrong{0};
    std::thread reader([&] {
        while (!stop.load(std::memory_order_relaxed)) {
            const uint64_t result = run(*target);
            if (result != 1002 && result != 9002) wrong.fetch_add(1);
            runs.fetch_add(1, std::memory_order_relaxed);
        }
    });
    for (int i = 0; i < 200 || runs.load() < 1000; ++i) {
        ASSERT_TRUE(targets.attach_extension(*target, 1, extension).ok());
        targets.detach_extension(*target, 1);
    }
    stop = true;
    reader.join();
    EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace graft
