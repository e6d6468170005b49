// Helpers of fentry and fexit programs, on the frame of a traced call.
#include <gtest/gtest.h>

#include <cerrno>

#include "abi/bpf.h"
#include "helper/helper.h"
#include "helper/trace_frame.h"

namespace graft {
namespace {

class TraceHelpers : public testing::Test {
protected:
    TraceHelpers() {
        frame.cookie = 11;
        frame.address = 22;
        frame.arg_count = 2;
        frame.values[0] = 33;
        frame.values[1] = 44;
    }
    int64_t call(uint32_t id, uint64_t a = 0, uint64_t b = 0) {
        return static_cast<int64_t>(find_helper(id)->function(reinterpret_cast<uint64_t>(frame.values), a, b, 0, 0));
    }
    [[nodiscard]] uint64_t into() { return reinterpret_cast<uint64_t>(&value); }

    TraceFrame frame;
    uint64_t value = 0;
};

TEST_F(TraceHelpers, Arguments) {
    EXPECT_EQ(call(BPF_FUNC_get_func_arg_cnt), 2);
    EXPECT_EQ(call(BPF_FUNC_get_func_arg, 1, into()), 0);
    EXPECT_EQ(value, 44U);
    EXPECT_EQ(call(BPF_FUNC_get_func_arg, 2, into()), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_get_func_arg, ~uint64_t{0}, into()), -EINVAL);
    EXPECT_EQ(value, 44U);
}

TEST_F(TraceHelpers, TheResultIsThereAfterTheFunctionOnly) {
    EXPECT_EQ(call(BPF_FUNC_get_func_ret, into()), -EOPNOTSUPP);
    frame.result() = 55;
    frame.has_result = true;
    EXPECT_EQ(call(BPF_FUNC_get_func_ret, into()), 0);
    EXPECT_EQ(value, 55U);
}

TEST_F(TraceHelpers, FunctionAndCookie) {
    EXPECT_EQ(call(BPF_FUNC_get_func_ip), 22);
    EXPECT_EQ(call(BPF_FUNC_get_attach_cookie), 11);
}

}  // namespace
}  // namespace graft
