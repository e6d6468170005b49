#include "link/tracing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "object/fake_caller.h"
#include "program/test_target.h"

namespace graft {
namespace {

using namespace test;

struct Tracing : testing::Test {
    IdTable<Program> programs;
    IdTable<Btf> btfs;
    IdTable<Link> links;
    Log log{Log::level1, 1024};
    TargetRegistry targets{default_engine(), test::run_state()};
    TargetProgram one{targets, programs, btfs}, two{targets, programs, btfs};
    Ref<Program> x = make_extension(one, 11, targets, programs, btfs);

    Result<Ref<Link>> attach(const Ref<Program>& program) { return attach_tracing({program, nullptr, 0, 0}, targets, links, log); }
    Result<Ref<Link>> attach(const Ref<Program>& program, const TargetProgram& target, uint32_t btf_id) {
        return attach_tracing({program, target.program, btf_id, 0}, targets, links, log);
    }
};

TEST_F(Tracing, TheTargetOfTheLoadServesOnce) {
    Ref<Link> link = attach(x).value();
    EXPECT_EQ(run(*one.program), 11002U);
    EXPECT_FALSE(x->primed.program);
    EXPECT_EQ(attach(x).code(), EINVAL);
    link = nullptr;
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_EQ(attach(x).code(), EINVAL);
    EXPECT_EQ(links.size(), 0U);
}

TEST_F(Tracing, AnyAttachUsesItUp) {
    const Ref<Link> link = attach(x, two, two.get_x_id).value();
    EXPECT_EQ(run(*two.program), 11002U);
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_EQ(attach(x).code(), EINVAL);
}

TEST_F(Tracing, AFailureDoesNot) {
    const Ref<Program> newer = make_extension(one, 12, targets, programs, btfs);
    Ref<Link> link = attach(x).value();
    EXPECT_EQ(attach(newer).code(), EBUSY);
    EXPECT_EQ(attach(newer, one, one.get_x_id).code(), EBUSY);
    EXPECT_EQ(attach(newer, two, two.main_id).code(), EINVAL);
    EXPECT_EQ(attach(newer, two, 9999).code(), EINVAL);
    EXPECT_EQ(links.size(), 1U);
    link = nullptr;
    link = attach(newer).value();
    EXPECT_EQ(run(*one.program), 12002U);
}

TEST_F(Tracing, OneProgramInManyPlaces) {
    const Ref<Link> first = attach(x).value();
    const Ref<Link> second = attach(x, one, one.get_y_id).value();
    const Ref<Link> third = attach(x, two, two.get_x_id).value();
    EXPECT_EQ(run(*one.program), 11011U);
    EXPECT_EQ(run(*two.program), 11002U);
    EXPECT_EQ(attach(x, two, two.get_x_id).code(), EBUSY);
}

TEST_F(Tracing, AnotherTypeThanTheTargetOfTheLoad) {
    const TargetProgram xdp(targets, programs, btfs, BPF_PROG_TYPE_XDP);
    EXPECT_EQ(attach(x, xdp, xdp.get_x_id).code(), EINVAL);
    EXPECT_TRUE(attach(x).ok());
}

TEST_F(Tracing, AnExtensionIsNoTargetAndATargetNoExtension) {
    const Ref<Program> newer = make_extension(one, 12, targets, programs, btfs);
    EXPECT_EQ(attach_tracing({x, newer, 2, 0}, targets, links, log).code(), EINVAL);
    EXPECT_EQ(attach_tracing({x, x, 2, 0}, targets, links, log).code(), EINVAL);
    EXPECT_EQ(attach(one.program, two, two.get_x_id).code(), EINVAL);
}

TEST_F(Tracing, InfoNamesTheTarget) {
    const Ref<Link> link = attach(x, two, two.get_y_id).value();
    bpf_link_info info = zeroed<bpf_link_info>();
    FakeCaller caller;
    ASSERT_TRUE(link->fill_info(caller, info).ok());
    EXPECT_EQ(info.tracing.attach_type, 0U);
    EXPECT_EQ(info.tracing.target_obj_id, two.program->id());
    EXPECT_EQ(info.tracing.target_btf_id, two.get_y_id);
    EXPECT_EQ(link->detach().code(), EOPNOTSUPP);
    EXPECT_EQ(link->update(x, nullptr, 0).code(), EINVAL);
}

TEST_F(Tracing, ALinkKeepsTargetAndExtensionAlive) {
    const uint32_t target_id = one.program->id(), extension_id = x->id();
    Ref<Link> link = attach(x).value();
    one.program = nullptr;
    x = nullptr;
    EXPECT_TRUE(programs.find(target_id));
    EXPECT_TRUE(programs.find(extension_id));
    EXPECT_EQ(run(*programs.find(target_id)), 11002U);
    link = nullptr;  // at once, not a grace period later: a client's next call must not find them
    EXPECT_FALSE(programs.find(target_id));
    EXPECT_FALSE(programs.find(extension_id));
}

TEST_F(Tracing, AnUnattachedExtensionKeepsItsTarget) {
    const uint32_t target_id = one.program->id();
    one.program = nullptr;
    EXPECT_TRUE(programs.find(target_id));
    x = nullptr;
    EXPECT_FALSE(programs.find(target_id));
}

// Eight threads attach one program without a target: one gets it.  Then all of them attach it to the same place: one gets it.
TEST_F(Tracing, ManyThreadsOneTarget) {
    for (int round = 0; round < 20; ++round) {
        const Ref<Program> contested = make_extension(one, 12, targets, programs, btfs);
        std::atomic<int> ok{0}, refused{0}, busy{0};
        std::vector<Ref<Link>> held(8);
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&, i] {
                Result<Ref<Link>> link = i % 2 == 0 ? attach(contested) : attach(contested, one, one.get_x_id);
                if (link.ok()) {
                    ++ok;
                    held[static_cast<size_t>(i)] = std::move(link).value();
                } else {
                    ++(link.code() == EBUSY ? busy : refused);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(ok.load(), 1);
        EXPECT_EQ(busy.load() + refused.load(), 7);
        EXPECT_EQ(run(*one.program), 12002U);
        held.clear();
        EXPECT_EQ(run(*one.program), 1002U);
    }
}

}  // namespace
}  // namespace graft
