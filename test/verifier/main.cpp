// verifier-tests: every program of test/verifier/*.test, brought to a kernel through bpf(2).
//
//   verifier-tests [--linux] [--show] [FILE...] [--gtest_...]
//
// --linux asks the kernel it runs on instead of graft; --show prints each verdict and log.  Without files: all of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/load.h"
#include "support/prog_types.h"

namespace graft::test {
namespace {

struct Options {
    bool on_linux = false;
    bool show = false;
    std::vector<std::string> files;
};

class ProgramTest : public testing::Test {
public:
    ProgramTest(const SystemCall& bpf, std::shared_ptr<const std::vector<TestCase>> cases, size_t index, bool show)
        : bpf_(bpf), cases_(std::move(cases)), test_((*cases_)[index]), show_(show) {}

    void TestBody() override {
        const Loaded loaded = load(bpf_, test_, *cases_);
        if (show_)
            std::printf("== %s: %s\n%s", test_.title.c_str(), loaded.error == 0 ? "accepted" : errno_name(loaded.error).c_str(),
                        loaded.log.c_str());
        ASSERT_EQ(loaded.trouble, "") << test_.source;
        EXPECT_EQ(errno_name(loaded.error), errno_name(test_.error)) << test_.source << "\n" << loaded.log;
        EXPECT_EQ(missing_line(loaded.log, test_.log_lines), "") << test_.source << ": the line is not in the log:\n" << loaded.log;
        for (const std::string& line : test_.absent_lines) {
            EXPECT_NE(missing_line(loaded.log, {line}), "") << test_.source << ": \"" << line << "\" is in the log:\n" << loaded.log;
        }
        if (loaded.error != 0) return;
        for (const TestCase::Run& once : test_.runs) EXPECT_EQ(run(bpf_, loaded.program, once), "") << test_.source;
    }

private:
    const SystemCall& bpf_;
    std::shared_ptr<const std::vector<TestCase>> cases_;
    const TestCase& test_;
    bool show_;
};

// "two packet pointers": what gtest allows in a name.
std::string test_name(std::string_view title) {
    std::string name(title);
    std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
}

void add_file(const std::string& path, const SystemCall& bpf, bool show) {
    const auto cases = std::make_shared<const std::vector<TestCase>>(read_test_file(path));
    const std::string suite = test_name(std::filesystem::path(path).stem().string());
    for (size_t i = 0; i < cases->size(); ++i) {
        testing::RegisterTest(suite.c_str(), test_name((*cases)[i].title).c_str(), nullptr, nullptr, path.c_str(), 1,
                              [&bpf, cases, i, show]() -> testing::Test* { return new ProgramTest(bpf, cases, i, show); });
    }
}

}  // namespace
}  // namespace graft::test

int main(int argc, char** argv) try {
    testing::InitGoogleTest(&argc, argv);
    graft::test::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--linux") {
            options.on_linux = true;
        } else if (argument == "--show") {
            options.show = true;
        } else if (argument.starts_with("-")) {
            std::fprintf(stderr, "usage: verifier-tests [--linux] [--show] [FILE...] [--gtest_...]\n");
            return 2;
        } else {
            options.files.emplace_back(argument);
        }
    }
    if (!options.on_linux) {
        std::fprintf(stderr, "verifier-tests: only --linux so far\n");
        return 2;
    }
    const graft::test::SystemCall bpf = graft::test::linux_bpf;
    if (options.files.empty()) {
        if (options.on_linux) graft::test::add_prog_type_tests(bpf);
        for (const auto& entry : std::filesystem::directory_iterator(VERIFIER_TESTS)) {
            if (entry.path().extension() == ".test") options.files.push_back(entry.path());
        }
        std::sort(options.files.begin(), options.files.end());
    }
    for (const std::string& file : options.files) graft::test::add_file(file, bpf, options.show);
    return RUN_ALL_TESTS();
} catch (const std::exception& error) {
    std::fprintf(stderr, "verifier-tests: %s\n", error.what());
    return 2;
}
