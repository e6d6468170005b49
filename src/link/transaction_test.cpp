#include "link/transaction.h"

#include <gtest/gtest.h>

#include <vector>

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

// Of eight steps any one: its place is taken, or its link has gone, after it was added.
TEST_F(Transactions, WhicheverStepIsRefusedAllAreUndone) {
    constexpr uint32_t count = 8;
    std::vector<TargetProgram> chain;
    for (uint32_t i = 0; i < count; ++i) chain.emplace_back(targets, programs, btfs);
    const auto results = [&chain] {
        std::vector<uint64_t> all;
        for (const TargetProgram& each : chain) all.push_back(run(*each.program));
        return all;
    };
    for (uint32_t refused = 0; refused <= count; ++refused) {
        Transaction changes(targets, links);
        std::vector<Ref<Link>> before(count), made;
        for (uint32_t i = 0; i < count; ++i) {
            if (i % 3 != 0) before[i] = attached(x, chain[i], chain[i].get_x_id);
            if (i % 3 == 0) made.push_back(changes.attach({x, chain[i].program, chain[i].get_x_id, 0}, log).value());
            const auto added = i % 3 == 1   ? changes.replace(before[i], newer, log)
                               : i % 3 == 2 ? changes.detach(before[i])
                                            : Result<void>();
            ASSERT_TRUE(added.ok());
        }
        Ref<Link> in_the_way;
        if (refused < count && refused % 3 == 0) in_the_way = attached(newer, chain[refused], chain[refused].get_x_id);
        if (refused < count && refused % 3 != 0) {
            Transaction other(targets, links);
            ASSERT_TRUE(other.detach(before[refused]).ok());
            ASSERT_TRUE(other.commit().ok());
        }
        const std::vector<uint64_t> as_it_was = results();
        const size_t links_before = links.size();
        const auto answer = changes.commit();
        if (refused == count) {
            EXPECT_TRUE(answer.ok());
            for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(run(*chain[i].program), i % 3 == 0 ? 11002U : i % 3 == 1 ? 12002U : 1002U) << i;
        } else {
            EXPECT_EQ(answer.code(), refused % 3 == 0 ? EBUSY : EINVAL) << refused;
            EXPECT_EQ(results(), as_it_was) << refused;
            EXPECT_EQ(links.size(), links_before);
        }
    }
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
