#include "link/transaction.h"

#include <gtest/gtest.h>

#include "program/test_target.h"
#include "syscall/test_caller.h"

namespace graft {
namespace {

using namespace test;

struct Transactions : testing::Test {
    IdTable<Program> programs;
    IdTable<Btf> btfs;
    IdTable<Link> links;
    Log log{Log::level1, 1024};
    TargetRegistry targets{default_engine(), run_state()};
    TargetProgram one{targets, programs, btfs}, two{targets, programs, btfs};
    Ref<Program> x = make_extension(one, 11, targets, programs, btfs);
    Ref<Program> newer = make_extension(one, 12, targets, programs, btfs);
    Transaction change{targets, links};

    Ref<Link> attached(const Ref<Program>& program, const TargetProgram& target, uint32_t btf_id) {
        return attach_tracing({program, target.program, btf_id, 0}, targets, links, log).value();
    }
    static bpf_link_info info(const Link& link) {
        bpf_link_info made{};
        TestCaller caller;
        EXPECT_TRUE(link.fill_info(caller, made).ok());
        return made;
    }
};

TEST_F(Transactions, NothingHappensBeforeTheCommit) {
    const Ref<Link> first = change.attach({x, nullptr, 0, 0}, log).value();
    const Ref<Link> second = change.attach({newer, two.program, two.get_x_id, 0}, log).value();
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_EQ(info(*first).tracing.target_obj_id, 0U);
    ASSERT_TRUE(change.commit().ok());
    EXPECT_EQ(run(*one.program), 11002U);
    EXPECT_EQ(run(*two.program), 12002U);
    EXPECT_EQ(info(*first).tracing.target_obj_id, one.program->id());
    EXPECT_FALSE(x->primed.program);
    EXPECT_FALSE(newer->primed.program);
}

TEST_F(Transactions, WithoutACommitNothingHappens) {
    const Ref<Link> held = attached(x, one, one.get_x_id);
    {
        Transaction given_up(targets, links);
        const Ref<Link> link = given_up.attach({newer, two.program, two.get_x_id, 0}, log).value();
        EXPECT_TRUE(given_up.detach(held).ok());
    }
    EXPECT_EQ(run(*one.program), 11002U);
    EXPECT_EQ(run(*two.program), 1002U);
    EXPECT_TRUE(newer->primed.program);
    EXPECT_EQ(links.size(), 1U);
}

TEST_F(Transactions, ReplaceAndDetach) {
    Ref<Link> replaced = attached(x, one, one.get_x_id);
    const Ref<Link> detached = attached(x, two, two.get_x_id);
    ASSERT_TRUE(change.replace(replaced, newer, log).ok());
    ASSERT_TRUE(change.detach(detached).ok());
    ASSERT_TRUE(change.commit().ok());
    EXPECT_EQ(run(*one.program), 12002U);
    EXPECT_EQ(run(*two.program), 1002U);
    EXPECT_EQ(replaced->program(), newer);
    EXPECT_EQ(info(*detached).tracing.target_obj_id, 0U);
    replaced = nullptr;
    EXPECT_EQ(run(*one.program), 1002U);
}

TEST_F(Transactions, AnExtensionMovesWithoutAGap) {
    const Ref<Link> from = attached(x, one, one.get_x_id);
    ASSERT_TRUE(change.detach(from).ok());
    const Ref<Link> to = change.attach({x, one.program, one.get_y_id, 0}, log).value();
    ASSERT_TRUE(change.commit().ok());
    EXPECT_EQ(run(*one.program), 1011U);
}

TEST_F(Transactions, OneStepThatIsRefusedStopsAll) {
    const Ref<Link> first = change.attach({x, nullptr, 0, 0}, log).value();
    const Ref<Link> taken = attached(newer, two, two.get_x_id);
    const Ref<Link> second = change.attach({x, two.program, two.get_x_id, 0}, log).value();
    EXPECT_EQ(change.commit().code(), EBUSY);
    EXPECT_EQ(run(*one.program), 1002U);
    EXPECT_EQ(run(*two.program), 12002U);
    EXPECT_TRUE(x->primed.program);
}

TEST_F(Transactions, WhatIsCheckedWhenAStepIsAdded) {
    EXPECT_EQ(change.attach({x, one.program, one.main_id, 0}, log).code(), EINVAL);
    EXPECT_NE(log.text().find("has"), std::string_view::npos);
    EXPECT_EQ(change.attach({one.program, two.program, two.get_x_id, 0}, log).code(), EINVAL);
    const Ref<Link> link = attached(x, one, one.get_x_id);
    EXPECT_EQ(change.replace(link, one.program, log).code(), EINVAL);
    ASSERT_TRUE(change.commit().ok());
    EXPECT_EQ(change.commit().code(), EINVAL);
    EXPECT_EQ(change.detach(link).code(), EINVAL);
}

TEST_F(Transactions, ALinkThatChangedMeanwhileStopsAll) {
    const Ref<Link> link = attached(x, one, one.get_x_id);
    Transaction other(targets, links);
    ASSERT_TRUE(change.detach(link).ok());
    ASSERT_TRUE(other.replace(link, newer, log).ok());
    ASSERT_TRUE(other.commit().ok());
    EXPECT_EQ(change.commit().code(), EINVAL);
    EXPECT_EQ(run(*one.program), 12002U);
    Transaction twice(targets, links);
    ASSERT_TRUE(twice.detach(link).ok());
    ASSERT_TRUE(twice.detach(link).ok());
    EXPECT_EQ(twice.commit().code(), EINVAL);
    EXPECT_EQ(run(*one.program), 12002U);
}

}  // namespace
}  // namespace graft
