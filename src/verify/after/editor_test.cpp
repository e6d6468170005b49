#include "verify/after/editor.h"

#include <gtest/gtest.h>

#include "verify/after/test_env.h"

namespace graft::verify {
namespace {

std::vector<bpf_insn> insns_of(std::string_view text) {
    Log log;
    return assemble(text, {}, log).value().insns;
}

constexpr bpf_insn filler{BPF_ALU64 | BPF_MOV | BPF_K, 9, 0, 0, 0};  // r9 = 0

std::string edited(std::string_view text, std::initializer_list<std::pair<uint32_t, size_t>> edits) {
    const auto insns = insns_of(text);
    Editor editor(insns);
    for (const auto& [index, count] : edits) editor.replace(index, std::vector<bpf_insn>(count, filler));
    const auto result = editor.apply();
    return result.ok() ? TestEnv::words(result->insns) : "error " + std::to_string(result.code());
}

TEST(Editor, WithoutEditsNothingChanges) {
    constexpr auto text = "again:\nr0 = 1 ll\nif r0 == 1 goto again\ncall f\ngotol out\nout:\nexit\nf:\nexit";
    EXPECT_EQ(edited(text, {}), TestEnv::words(text));
}

TEST(Editor, JumpsStretchOverWhatIsPutIn) {
    EXPECT_EQ(edited("if r1 == 0 goto out\nr0 = 1\nout:\nexit", {{1, 3}}),
              TestEnv::words("if r1 == 0 goto out\nr9 = 0\nr9 = 0\nr9 = 0\nout:\nexit"));
    EXPECT_EQ(edited("again:\nr0 = 1\nif r1 == 0 goto again\nexit", {{0, 2}}),
              TestEnv::words("again:\nr9 = 0\nr9 = 0\nif r1 == 0 goto again\nexit"));
}

TEST(Editor, JumpsShrinkOverWhatIsTakenOut) {
    EXPECT_EQ(edited("if r1 == 0 goto out\nr0 = 1\nr0 = 2\nout:\nexit", {{1, 0}}),
              TestEnv::words("if r1 == 0 goto out\nr0 = 2\nout:\nexit"));
}

TEST(Editor, AJumpToWhatIsTakenOutLeadsToWhatFollows) {
    EXPECT_EQ(edited("if r1 == 0 goto out\nr0 = 1\nout:\nr0 = 2\nexit", {{2, 0}}), TestEnv::words("if r1 == 0 goto +1\nr0 = 1\nexit"));
}

TEST(Editor, AJumpToWhatIsReplacedLeadsToTheFirst) {
    EXPECT_EQ(edited("goto out\nout:\nr0 = 2\nexit", {{1, 2}}), TestEnv::words("goto +0\nr9 = 0\nr9 = 0\nexit"));
}

TEST(Editor, CallsCallbacksAndLongJumpsFollow) {
    EXPECT_EQ(edited("call f\nr2 = func[f] ll\ngotol out\nr0 = 1\nout:\nexit\nf:\nexit", {{4, 3}}),
              TestEnv::words("call f\nr2 = func[f] ll\ngotol out\nr9 = 0\nr9 = 0\nr9 = 0\nout:\nexit\nf:\nexit"));
    EXPECT_EQ(edited("goto start\nf:\nr0 = 3\nexit\nstart:\ncall f\nexit", {{1, 2}}),
              TestEnv::words("goto start\nf:\nr9 = 0\nr9 = 0\nexit\nstart:\ncall f\nexit"));
}

TEST(Editor, ReplacementsAreTakenAsTheyAre) {
    const auto insns = insns_of("if r1 == 0 goto +1\nr0 = 1\nexit");
    Editor editor(insns);
    editor.replace(0, {bpf_insn{BPF_JMP | BPF_JA, 0, 0, 1, 0}, filler});
    EXPECT_EQ(TestEnv::words(editor.apply().value().insns), TestEnv::words("goto +1\nr9 = 0\nr0 = 1\nexit"));
}

TEST(Editor, SaysWhereEachInstructionWent) {
    const auto insns = insns_of("r0 = 1\nr0 = 2\nr0 = 3\nexit");
    Editor editor(insns);
    editor.erase(0);
    editor.replace(2, {filler, filler});
    const Edited result = editor.apply().value();
    EXPECT_EQ(result.moved, (std::vector<uint32_t>{0, 0, 1, 3, 4}));
    EXPECT_EQ(result.origin, (std::vector<uint32_t>{1, 2, 2, 3}));
}

TEST(Editor, AJumpThatCannotReachIsAnError) {
    std::vector<bpf_insn> insns(INT16_MAX + 1, filler);
    insns.insert(insns.begin(), bpf_insn{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, INT16_MAX, 0});
    Editor editor(insns);
    EXPECT_TRUE(editor.apply().ok());
    editor.replace(5, {filler, filler});
    EXPECT_EQ(editor.apply().code(), ERANGE);
}

}  // namespace
}  // namespace graft::verify
