// Engines against each other: the interpreter is the oracle.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/random_program_test_support.h"
#include "isa/disasm.h"

namespace graft {
namespace {

using namespace test;

std::string text_of(const std::vector<Insns>& functions) {
    std::string text;
    for (const Insns& function : functions) {
        text += "\nfunction:";
        for (size_t i = 0; i < function.size(); ++i) text += "\n" + std::to_string(i) + ": " + disassemble(std::span(function).subspan(i));
    }
    return text;
}

TEST(Differential, RandomProgramsHaveOneOutcome) {
    constexpr int programs = 4000;
    std::mt19937_64 random(20260101);
    for (int i = 0; i < programs; ++i) {
        RandomProgram maker([&random] { return static_cast<uint8_t>(random()); });
        Outcome before;
        for (uint64_t& word : before.scratch) word = maker.number();
        const std::vector<Insns> functions = maker.functions();
        const Outcome expected = outcome_on(interpreter(), functions, before);
        for (const Engine* engine : engines()) {
            const Outcome got = outcome_on(*engine, functions, before);
            ASSERT_TRUE(got == expected) << engine->name() << ", program " << i << text_of(functions);
        }
    }
}

}  // namespace
}  // namespace graft
