// What the verifier knows of numbers: the register states of random programs in the log at level 2 are those that graft's scalars foresee.
//
// GRAFT_RECORD_STATES=FILE writes the steps of programs that agreed, for src/verify/scalar/linux-6.12.states.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "support/call.h"
#include "support/programs.h"
#include "support/scalar_programs.h"

namespace test {
namespace {

// The interesting steps of a kind: not all unknown or all constant.
class Recorder {
public:
    void add(const std::vector<std::string>& steps) {
        for (const std::string& step : steps) {
            const std::string kind = step.substr(0, step.find(" |"));
            const size_t result = step.rfind("| ");
            if (step.find("scalar()") != step.npos || step.find('(') == step.npos || kinds_[kind] >= rows_a_kind) continue;
            if (step.find('(', result) == step.npos && step.find("ver", result) == step.npos && kinds_[kind] % 4 != 0) continue;
            ++kinds_[kind];
            rows_.push_back(step);
        }
    }
    void write(const char* file) const {
        std::ofstream out(file);
        for (const std::string& row : rows_) out << row << '\n';
    }

private:
    static constexpr int rows_a_kind = 8;
    std::map<std::string, int> kinds_;
    std::vector<std::string> rows_;
};

class ScalarStates : public testing::TestWithParam<uint64_t> {};

TEST_P(ScalarStates, AreForeseen) {
    const Fd map(map_create(BPF_MAP_TYPE_ARRAY, 4, 64, 1));
    ASSERT_TRUE(map.ok());
    std::vector<char> log(16U << 20);
    Recorder recorder;
    size_t compared = 0;
    for (uint64_t i = 0; i < 250; ++i) {
        const uint64_t seed = GetParam() * 1000 + i;
        const ScalarProgram program = random_scalar_program(seed, map.get(), 40 + i % 80);
        Attr attr = program_attr(BPF_PROG_TYPE_SOCKET_FILTER, program.insns);
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 2;
        log[0] = '\0';
        const Fd fd(attr.call(BPF_PROG_LOAD));
        ASSERT_TRUE(fd.ok()) << "seed " << seed << ": " << name_of(fd.error());
        const std::vector<std::string> found = differences(program, log.data(), compared);
        ASSERT_TRUE(found.empty()) << "seed " << seed << ": " << found.size() << " differences, first\n" << found[0];
        recorder.add(program.steps);
    }
    EXPECT_GT(compared, 10000U);
    if (const char* file = std::getenv("GRAFT_RECORD_STATES")) recorder.write(file);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScalarStates, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace test
