// freplace beside tail calls: a function that makes one may be replaced, by a function that makes another; program arrays and extended
// programs exclude each other.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "support/attach.h"
#include "support/programs.h"

namespace test {
namespace {

struct Jumper : LoadedFor {
    Jumper(const char* name, int target, int trace) : LoadedFor("tail_extension", name, target, "get_t", trace) {}
};

class FreplaceTailCall : public testing::Test {
protected:
    void SetUp() override {
        // libbpf gives programs of SEC("xdp") BPF_XDP, and extensions none: a program array tells them apart.
        bpf_program* each = nullptr;
        bpf_object__for_each_program(each, target.get()) bpf_program__set_expected_attach_type(each, static_cast<bpf_attach_type>(0));
        ASSERT_EQ(0, target.load());
        trace = target.map_fd("trace");
    }
    int fd(const char* name) { return target.program_fd(name); }
    // 0 or -errno
    static long put(int map, uint32_t slot, int program) { return bpf_map_update_elem(map, &slot, &program, BPF_ANY); }
    static long remove(int map, uint32_t slot) { return bpf_map_delete_elem(map, &slot); }
    std::string ran() {
        Ran result = run(fd("target"));
        return std::to_string(result.verdict) + ": " + take_trace(trace);
    }
    ObjectFile target{"tail_target"};
    int trace = -1;
};

TEST_F(FreplaceTailCall, WithoutAnExtension) {
    EXPECT_EQ("52: 10", ran());
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 0, fd("callee")));
    EXPECT_EQ("302: 10 30", ran());
}
TEST_F(FreplaceTailCall, AFunctionThatMakesOneIsReplaced) {
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 0, fd("callee")));
    Jumper t("new_t", fd("target"), trace);
    ASSERT_EQ(0, t.answer()) << t.log();
    Fd link = t.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("62: 10 24", ran());
    link.reset();
    EXPECT_EQ("302: 10 30", ran());
}
TEST_F(FreplaceTailCall, AnExtensionMakesItsOwn) {
    Jumper t("jumping_t", fd("target"), trace);
    ASSERT_EQ(0, t.answer()) << t.log();
    Fd link = t.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ("72: 10 25", ran());
    ASSERT_ANSWER(0, put(t.map_fd("jumps"), 0, fd("callee")));
    EXPECT_EQ("302: 10 25 30", ran());
}
TEST_F(FreplaceTailCall, TheExtendedProgramGoesIntoNoProgramArray) {
    Jumper t("jumping_t", fd("target"), trace);
    Fd link = t.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_ANSWER(-EBUSY, put(t.map_fd("jumps"), 1, fd("target")));
    EXPECT_ANSWER(-EBUSY, put(target.map_fd("jumps"), 1, fd("target")));
    link.reset();
    EXPECT_ANSWER(0, put(target.map_fd("jumps"), 1, fd("target")));
}
TEST_F(FreplaceTailCall, AnExtensionGoesIntoNoProgramArray) {
    Jumper t("jumping_t", fd("target"), trace);
    Fd link = t.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_ANSWER(-EINVAL, put(target.map_fd("jumps"), 1, t.fd()));
    EXPECT_ANSWER(-EINVAL, put(t.map_fd("jumps"), 1, t.fd()));
}
TEST_F(FreplaceTailCall, AProgramOfAnotherExpectedAttachTypeDoesNotGoIntoAnExtensionsProgramArray) {
    Jumper t("jumping_t", fd("target"), trace);
    ObjectFile other("tail_target");
    ASSERT_EQ(0, other.load());
    EXPECT_ANSWER(-EINVAL, put(t.map_fd("jumps"), 0, other.program_fd("callee")));
    EXPECT_ANSWER(0, put(t.map_fd("jumps"), 0, fd("callee")));
}
// An extension has none, whatever its target has.
TEST_F(FreplaceTailCall, AnExtensionsProgramArrayTakesProgramsWithoutAnExpectedAttachType) {
    ObjectFile other("tail_target");
    ASSERT_EQ(0, other.load());
    Jumper t("jumping_t", other.program_fd("target"), trace);
    ASSERT_EQ(0, t.answer()) << t.log();
    EXPECT_ANSWER(-EINVAL, put(t.map_fd("jumps"), 0, other.program_fd("callee")));
    ASSERT_ANSWER(0, put(t.map_fd("jumps"), 0, fd("callee")));
    Fd link = t.attach();
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(300U, run(other.program_fd("target")).verdict - 2);
    EXPECT_EQ("25 30", take_trace(trace));
}
TEST_F(FreplaceTailCall, AProgramInAProgramArrayIsNotExtended) {
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 2, fd("target")));
    Jumper t("new_t", fd("target"), trace);
    ASSERT_EQ(0, t.answer()) << t.log();  // what loads may still not attach
    EXPECT_ANSWER(-EBUSY, t.attach().error());
    ASSERT_ANSWER(0, remove(target.map_fd("jumps"), 2));
    EXPECT_ANSWER(0, t.attach().error());
}
TEST_F(FreplaceTailCall, AProgramInTwoArraysIsExtendedWhenItLeftBoth) {
    Jumper t("new_t", fd("target"), trace);
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 1, fd("target")));
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 2, fd("target")));
    ASSERT_ANSWER(0, remove(target.map_fd("jumps"), 1));
    EXPECT_ANSWER(-EBUSY, t.attach().error());
    ASSERT_ANSWER(0, remove(target.map_fd("jumps"), 2));
    EXPECT_ANSWER(0, t.attach().error());
}
TEST_F(FreplaceTailCall, OverwritingASlotTakesTheOldProgramOut) {
    Jumper t("new_t", fd("target"), trace);
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 1, fd("target")));
    ASSERT_ANSWER(0, put(target.map_fd("jumps"), 1, fd("callee")));
    EXPECT_ANSWER(0, t.attach().error());
}

// Extended twice, it may be in a program array once one link has gone: a tail call enters its own main function then, a run the extension.
TEST_F(FreplaceTailCall, EntersTheMainFunctionThatIsReplaced) {
    ObjectFile caller("tail_call");
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, caller.get()) bpf_program__set_expected_attach_type(each, static_cast<bpf_attach_type>(0));
    ASSERT_EQ(0, caller.load());
    LoadedFor main_extension("extension", "new_target", fd("target"), "target", trace);
    ASSERT_EQ(0, main_extension.answer()) << main_extension.log();
    Jumper t("new_t", fd("target"), trace);
    ASSERT_EQ(0, t.answer()) << t.log();
    Fd first = main_extension.attach(), second = t.attach();
    ASSERT_ANSWER(0, second.error());
    second.reset();
    ASSERT_ANSWER(0, put(caller.map_fd("programs"), 0, fd("target")));
    take_trace(trace);
    bpf_program* const jumper = bpf_object__next_program(caller.get(), nullptr);
    EXPECT_EQ(52U, run(bpf_program__fd(jumper)).verdict);
    EXPECT_EQ("10", take_trace(trace));
    EXPECT_NE("52: 10", ran());
}

}  // namespace
}  // namespace test
