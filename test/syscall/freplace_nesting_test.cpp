// How deep programs nest: the limit of frames is each program's own.
#include <gtest/gtest.h>

#include "support/attach.h"
#include "support/programs.h"

namespace test {
namespace {

// Each of deep.bpf.c.
class Nesting : public testing::Test {
protected:
    Nesting() {
        bpf_program* each = nullptr;
        bpf_object__for_each_program(each, deep.get()) bpf_program__set_autoload(each, false);
        bpf_program__set_autoload(deep.program("target"), true);
    }
    void SetUp() override {
        ASSERT_EQ(0, deep.load());
        trace = deep.map_fd("trace");
    }
    int fd() { return deep.program_fd("target"); }
    LoadedFor of(const char* program, int target, const char* function) { return {"deep", program, target, function, trace}; }
    std::string ran() {
        const Ran result = run(fd());
        return std::to_string(result.verdict) + ": " + take_trace(trace);
    }

    ObjectFile deep{"deep"};
    int trace = -1;
};

TEST_F(Nesting, EightFrames) { EXPECT_EQ("107: 1", ran()); }
TEST_F(Nesting, EightFramesInTheLastOfEight) {
    LoadedFor extension = of("eight_more", fd(), "innermost");
    ASSERT_EQ(0, extension.answer()) << extension.log();
    Fd link = extension.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("1114: 1", ran());
    link.reset();
    EXPECT_EQ("107: 1", ran());
}
// Linux counts the frames below the first one.
TEST_F(Nesting, NineFramesAreRefused) {
    LoadedFor extension = of("nine_more", fd(), "innermost");
    EXPECT_ANSWER(-E2BIG, extension.answer());
    EXPECT_TRUE(extension.said("the call stack of 8 frames is too deep !")) << extension.log();
}
TEST_F(Nesting, EightFramesOfATracingProgramInTheLastOfEightOfAnExtensionInTheLastOfEight) {
    LoadedFor extension = of("eight_more", fd(), "innermost");
    ASSERT_EQ(0, extension.answer()) << extension.log();
    LoadedFor tracing = of("watching", extension.fd(), "innermost");
    ASSERT_EQ(0, tracing.answer()) << tracing.log();
    Fd link = extension.attach(), traced = tracing.attach();
    ASSERT_ANSWER(0, traced.error());
    EXPECT_EQ("1114: 1 106 1", ran());
}
// A target, an extension of it, a tracing program on that, and a tracing program on the function of that one: more is refused.
TEST_F(Nesting, FourProgramsInEachOther) {
    LoadedFor extension = of("eight_more", fd(), "innermost");
    LoadedFor tracing = of("watching", extension.fd(), "innermost");
    LoadedFor watcher = of("watching", tracing.fd(), "innermost");
    ASSERT_EQ(0, watcher.answer()) << watcher.log();
    Fd links[] = {extension.attach(), tracing.attach(), watcher.attach()};
    for (const Fd& link : links) ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("1114: 1 106 1 106 1", ran());
    LoadedFor further = of("watching", watcher.fd(), "innermost");
    EXPECT_ANSWER(-EINVAL, further.answer());
    EXPECT_TRUE(further.said("Cannot nest tracing program attach more than once")) << further.log();
}

}  // namespace
}  // namespace test
