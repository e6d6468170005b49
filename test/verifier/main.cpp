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

#include "client/in_process.h"
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
    ProgramTest(const SystemCall& bpf, std::shared_ptr<const std::vector<TestCase>> cases, size_t index, const Options& options)
        : bpf_(bpf), cases_(std::move(cases)), test_((*cases_)[index]), options_(options) {}

    void TestBody() override {
        const Loaded loaded = load(bpf_, test_, *cases_);
        if (options_.show)
            std::printf("== %s: %s\n%s", test_.title.c_str(), loaded.error == 0 ? "accepted" : errno_name(loaded.error).c_str(),
                        loaded.log.c_str());
        ASSERT_EQ(loaded.trouble, "") << test_.source;
        const bool deviates = !options_.on_linux && test_.on_graft.has_value();
        const int expected = deviates ? test_.on_graft->error : test_.error;
        const std::vector<std::string>& lines = deviates ? test_.on_graft->log_lines : test_.log_lines;
        EXPECT_EQ(errno_name(loaded.error), errno_name(expected)) << test_.source << "\n" << loaded.log;
        EXPECT_EQ(missing_line(loaded.log, lines), "") << test_.source << ": the line is not in the log:\n" << loaded.log;
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
    const Options& options_;
};

// "two packet pointers": what gtest allows in a name.
std::string test_name(std::string_view title) {
    std::string name(title);
    std::replace_if(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
}

void add_file(const std::string& path, const SystemCall& bpf, const Options& options) {
    const auto cases = std::make_shared<const std::vector<TestCase>>(read_test_file(path));
    const std::string suite = test_name(std::filesystem::path(path).stem().string());
    for (size_t i = 0; i < cases->size(); ++i) {
        testing::RegisterTest(suite.c_str(), test_name((*cases)[i].title).c_str(), nullptr, nullptr, path.c_str(), 1,
                              [&bpf, cases, i, &options]() -> testing::Test* { return new ProgramTest(bpf, cases, i, options); });
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
    std::unique_ptr<graft::Kernel> kernel;
    std::unique_ptr<graft::client::InProcess> client;
    graft::test::SystemCall bpf = graft::test::linux_bpf;
    if (!options.on_linux) {
        kernel = graft::Kernel::create().value();
        client = graft::client::InProcess::create(graft::client::bpf_of(*kernel)).value();
        bpf = [&client](int command, bpf_attr& attr, uint32_t size) {
            return client->bpf(command, reinterpret_cast<uintptr_t>(&attr), size);
        };
    }
    if (options.files.empty()) {
        if (options.on_linux) graft::test::add_prog_type_tests(bpf);
        for (const auto& entry : std::filesystem::directory_iterator(VERIFIER_TESTS)) {
            if (entry.path().extension() == ".test") options.files.push_back(entry.path());
        }
        std::sort(options.files.begin(), options.files.end());
    }
    for (const std::string& file : options.files) graft::test::add_file(file, bpf, options);
    return RUN_ALL_TESTS();
} catch (const std::exception& error) {
    std::fprintf(stderr, "verifier-tests: %s\n", error.what());
    return 2;
}
