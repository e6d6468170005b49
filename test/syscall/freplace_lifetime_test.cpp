// What keeps an extension and its target alive, and what threads see that attach and close at the same time.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <optional>
#include <thread>
#include <vector>

#include "support/attach_fixture.h"

namespace test {
namespace {

class FreplaceLifetime : public AttachTest {
protected:
    // In a place that a test empties when it closes them.
    void SetUp() override {
        AttachTest::SetUp();
        target.emplace("xdp_target", trace);
        target_id = prog_info(target->fd()).id;
        x.emplace("newer_x", target->fd(), "get_x", trace);
        ASSERT_EQ(0, x->answer());
        x_id = prog_info(x->fd()).id;
    }
    std::optional<Target> target;
    std::optional<Extension> x;
    uint32_t target_id = 0, x_id = 0;
};

TEST_F(FreplaceLifetime, ATargetThatNothingHoldsGoes) {
    x.reset();
    target.reset();
    EXPECT_TRUE(goes_away(target_id));
}
TEST_F(FreplaceLifetime, AnUnattachedExtensionHoldsItsTarget) {
    target.reset();
    Fd again(program_by_id(target_id));
    ASSERT_ANSWER(0, again.error());
    Fd link = x->attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced_anew, ran(again.get()));
}
TEST_F(FreplaceLifetime, AnExtensionThatGoesUnattachedLetsItsTargetGo) {
    target.reset();
    x.reset();
    EXPECT_TRUE(goes_away(x_id));
    EXPECT_TRUE(goes_away(target_id));
}
TEST_F(FreplaceLifetime, ALinkHoldsTargetAndExtension) {
    Fd link = x->attach();
    ASSERT_ANSWER(0, link.error());
    target.reset();
    x.reset();
    Fd held_target(program_by_id(target_id)), held_extension(program_by_id(x_id));
    EXPECT_ANSWER(0, held_target.error());
    EXPECT_ANSWER(0, held_extension.error());
    EXPECT_EQ(replaced_anew, ran(held_target.get()));
}
TEST_F(FreplaceLifetime, WithItsLinkTargetAndExtensionGo) {
    Fd link = x->attach();
    target.reset();
    x.reset();
    link.reset();
    EXPECT_TRUE(goes_away(target_id));
    EXPECT_TRUE(goes_away(x_id));
}
TEST_F(FreplaceLifetime, AnExtensionAttachedElsewhereLetsTheTargetOfItsLoadGo) {
    Fd link = x->attach(one.fd(), one.id("get_x"));
    ASSERT_ANSWER(0, link.error());
    target.reset();
    EXPECT_TRUE(goes_away(target_id));
    EXPECT_EQ(replaced_anew, ran(one));
}
TEST_F(FreplaceLifetime, ATracingProgramOnAnExtensionHoldsItAndNotItsTarget) {
    Trace before("fentry_a", x->fd(), "newer_x", trace);
    Fd traced = before.attach();
    ASSERT_ANSWER(0, traced.error());
    Fd link = x->attach();
    link.reset();
    target.reset();
    x.reset();
    EXPECT_ANSWER(0, Fd(program_by_id(x_id)).error());
    EXPECT_TRUE(goes_away(target_id));
}

// --- at the same time --------------------------------------------------------------------------

constexpr int threads = 8;

// What `threads` threads get that make a call together.
template <class Call>
std::vector<Fd> together(const Call& call) {
    std::vector<Fd> results(threads);
    std::barrier start(threads);
    {
        std::vector<std::jthread> running;
        for (int i = 0; i < threads; ++i) {
            running.emplace_back([&, i] {
                start.arrive_and_wait();
                results[static_cast<size_t>(i)] = Fd(call(i));
            });
        }
    }
    return results;
}

long with(const std::vector<Fd>& results, int error) {
    return std::count_if(results.begin(), results.end(), [error](const Fd& fd) { return fd.error() == error; });
}

TEST_F(FreplaceLifetime, OfThreadsThatAttachWithoutATargetOneWins) {
    for (int round = 0; round < 20; ++round) {
        Extension fresh = extension("new_x", "get_x");
        const std::vector<Fd> links = together([&fresh](int) { return attach(fresh.fd()); });
        EXPECT_EQ(1, with(links, 0));
        EXPECT_EQ(threads - 1, with(links, -EINVAL));
        EXPECT_EQ(replaced, ran(one));
    }
}
TEST_F(FreplaceLifetime, OfThreadsThatAttachToOneFunctionOneWins) {
    Extension fresh = extension("new_x", "get_x");
    const uint32_t function = two.id("get_x");
    for (int round = 0; round < 20; ++round) {
        const std::vector<Fd> links = together([&](int) { return attach(fresh.fd(), two.fd(), function); });
        EXPECT_EQ(1, with(links, 0));
        EXPECT_EQ(threads - 1, with(links, -EBUSY));
        EXPECT_EQ(replaced, ran(two));
    }
}
// Those that did not keep the target of their load.
TEST_F(FreplaceLifetime, OfThreadsThatAttachAnExtensionEachOneWins) {
    for (int round = 0; round < 5; ++round) {
        std::vector<Extension> fresh;
        for (int i = 0; i < threads; ++i) fresh.push_back(extension("new_x", "get_x"));
        {
            const std::vector<Fd> links = together([&fresh](int i) { return attach(fresh[static_cast<size_t>(i)].fd()); });
            EXPECT_EQ(1, with(links, 0));
            EXPECT_EQ(threads - 1, with(links, -EBUSY));
            EXPECT_EQ(replaced, ran(one));
        }
        int attached = 0;
        for (Extension& each : fresh) attached += each.attach().ok();
        EXPECT_EQ(threads - 1, attached);
    }
}
TEST_F(FreplaceLifetime, OfThreadsThatAttachATracingProgramOneWins) {
    for (int round = 0; round < 20; ++round) {
        Trace fresh = on("fentry_a");
        const std::vector<Fd> links = together([&fresh](int) { return attach(fresh.fd(), 0, 0, BPF_TRACE_FENTRY); });
        EXPECT_EQ(1, with(links, 0));
        EXPECT_EQ(threads - 1, with(links, -EINVAL));
        EXPECT_EQ("0 10 40 11 12 13 16 14 15 19", ran(one));
    }
}
TEST_F(FreplaceLifetime, OfThreadsThatTraceAFunctionThirtyEightWin) {
    constexpr int each = 5;
    std::vector<Trace> programs;
    for (int i = 0; i < threads * each; ++i) programs.push_back(on(i % 2 == 0 ? "fentry_a" : "fexit_a"));
    std::vector<std::vector<Fd>> links(threads);
    together([&](int thread) {
        for (int i = 0; i < each; ++i)
            links[static_cast<size_t>(thread)].push_back(programs[static_cast<size_t>(thread * each + i)].attach());
        return -1;
    });
    long attached = 0, refused = 0;
    for (const std::vector<Fd>& of_one : links) attached += with(of_one, 0), refused += with(of_one, -E2BIG);
    EXPECT_EQ(38, attached);
    EXPECT_EQ(2, refused);
}
TEST_F(FreplaceLifetime, OfAnExtensionAndAProgramArrayOneGetsTheTarget) {
    const Fd array(map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1));
    const uint32_t function = two.id("get_x"), key = 0, value = static_cast<uint32_t>(two.fd());
    for (int round = 0; round < 50; ++round) {
        long put = 0;
        {
            const std::vector<Fd> links = together([&](int thread) -> long {
                if (thread == 1) return put = map_update(array, &key, &value), -1;
                return thread == 0 ? attach(x->fd(), two.fd(), function) : -1;
            });
            const bool attached = links[0].ok();
            EXPECT_ANSWER(attached ? -EBUSY : 0, put);
            if (!attached) {
                EXPECT_ANSWER(-EBUSY, links[0].error());
            }
            EXPECT_EQ(attached ? replaced_anew : plain, ran(two));
        }
        map_delete(array, &key);
    }
}
TEST_F(FreplaceLifetime, ThreadsThatAttachToATargetEachAllAttach) {
    Extension fresh = extension("new_x", "get_x");
    std::vector<Target> targets;
    for (int i = 0; i < threads; ++i) targets.emplace_back("xdp_target_2", trace);
    const uint32_t function = two.id("get_x");
    const std::vector<Fd> links = together([&](int i) { return attach(fresh.fd(), targets[static_cast<size_t>(i)].fd(), function); });
    EXPECT_EQ(threads, with(links, 0));
    for (Target& each : targets) EXPECT_EQ(replaced, ran(each));
    EXPECT_ANSWER(-EINVAL, attach(fresh.fd()));  // the target of the load went with the first of them
}
TEST_F(FreplaceLifetime, ATargetClosedWhileAnAttachToItIsOnItsWay) {
    const uint32_t function = one.id("get_x");
    for (int round = 0; round < 20; ++round) {
        std::optional<Target> short_lived(std::in_place, "xdp_target", trace);
        const uint32_t id = prog_info(short_lived->fd()).id;
        Fd link;
        {
            std::barrier start(2);
            const int fd = short_lived->fd();
            const std::jthread attaching([&] {
                start.arrive_and_wait();
                link = Fd(attach(x->fd(), fd, function));
            });
            start.arrive_and_wait();
            short_lived.reset();
        }
        if (link.ok()) {
            EXPECT_EQ(id, link_info(link.get()).tracing.target_obj_id);
            EXPECT_EQ(replaced_anew, ran(Fd(program_by_id(id)).get()));
        } else {
            EXPECT_ANSWER(-EBADF, link.error());
        }
        link.reset();
        EXPECT_TRUE(goes_away(id));
    }
}
TEST_F(FreplaceLifetime, ATargetOfTheLoadClosedWhileTheAttachIsOnItsWay) {
    for (int round = 0; round < 20; ++round) {
        std::optional<Target> short_lived(std::in_place, "xdp_target", trace);
        const uint32_t id = prog_info(short_lived->fd()).id;
        Extension fresh("newer_x", short_lived->fd(), "get_x", trace);
        Fd link;
        {
            std::barrier start(2);
            const std::jthread attaching([&] {
                start.arrive_and_wait();
                link = fresh.attach();
            });
            start.arrive_and_wait();
            short_lived.reset();
        }
        ASSERT_ANSWER(0, link.error());
        EXPECT_EQ(replaced_anew, ran(Fd(program_by_id(id)).get()));
        link.reset();
        EXPECT_TRUE(goes_away(id));
    }
}

}  // namespace
}  // namespace test
