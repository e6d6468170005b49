#include "main/run.h"

#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include "support/kernel_objects.h"

namespace test {
namespace {

class NothingLeft : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo&) override { before_ = kernel_objects(); }
    void OnTestEnd(const testing::TestInfo&) override {
        std::string left = left_over(before_);
        if (!left.empty()) ADD_FAILURE() << "left in the kernel:" << left;
    }
    KernelObjects before_;
};

}  // namespace

int run_all(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    libbpf_set_print(nullptr);  // a refused load is what most tests ask for
    // The listener goes before the printer, so that what it finds is reported as part of the test.
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    auto* printer = listeners.Release(listeners.default_result_printer());
    listeners.Append(new NothingLeft);
    listeners.Append(printer);
    return RUN_ALL_TESTS();
}

}  // namespace test
