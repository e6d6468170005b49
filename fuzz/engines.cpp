// Engines against each other.  Oracle: a random program leaves the same result, registers and memory on each engine as on the interpreter.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "engine/random_program_test_support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace graft;
    size_t at = 0;
    test::RandomProgram maker([&] { return at < size ? data[at++] : uint8_t{0}; });
    test::Outcome before;
    for (uint64_t& word : before.scratch) word = maker.number();
    const std::vector<test::Insns> functions = maker.functions();
    const test::Outcome expected = test::outcome_on(interpreter(), functions, before);
    for (const Engine* engine : engines()) {
        if (test::outcome_on(*engine, functions, before) == expected) continue;
        std::fprintf(stderr, "%s differs from the interpreter\n", engine->name());
        std::abort();
    }
    return 0;
}
