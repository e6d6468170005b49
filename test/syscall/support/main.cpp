// The main of each program: after every test the kernel must hold what it held before.
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include "support/kernel_objects.h"

namespace {

class NothingLeft : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo&) override { before_ = test::kernel_objects(); }
    void OnTestEnd(const testing::TestInfo&) override {
        std::string left = test::left_over(before_);
        if (!left.empty()) ADD_FAILURE() << "left in the kernel:" << left;
    }
    test::KernelObjects before_;
};

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    libbpf_set_print(nullptr);  // a refused load is what most tests ask for
    // The listener goes before the printer, so that what it finds is reported as part of the test.
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    auto* printer = listeners.Release(listeners.default_result_printer());
    listeners.Append(new NothingLeft);
    listeners.Append(printer);
    return RUN_ALL_TESTS();
}
