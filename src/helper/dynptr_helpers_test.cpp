// Dynptrs, as an engine calls their functions.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/kfuncs.h"

namespace graft {
namespace {

template <class T>
uint64_t reg(T value) {
    if constexpr (std::is_pointer_v<T>) {
        return reinterpret_cast<uint64_t>(value);
    } else {
        return static_cast<uint64_t>(static_cast<int64_t>(value));
    }
}
template <class... Args>
int64_t call(const Helper* function, Args... args) {
    std::array<uint64_t, 5> r{};
    size_t i = 0;
    ((r[i++] = reg(args)), ...);
    return static_cast<int64_t>(function->function(r[0], r[1], r[2], r[3], r[4]));
}
const Helper* helper(uint32_t id) { return find_helper(id); }

TEST(Dynptr, OfMemory) {
    std::array<unsigned char, 16> memory{};
    abi::bpf_dynptr_kern dynptr{};
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_from_mem), memory.data(), 16, 1, &dynptr), -EINVAL);
    EXPECT_EQ(dynptr.data, nullptr);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_data), &dynptr, 0, 1), 0);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_from_mem), memory.data(), 1 << 24, 0, &dynptr), -E2BIG);
    ASSERT_EQ(call(helper(BPF_FUNC_dynptr_from_mem), memory.data(), 16, 0, &dynptr), 0);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_data), &dynptr, 8, 8), reinterpret_cast<int64_t>(memory.data() + 8));
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_data), &dynptr, 9, 8), 0);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_data), &dynptr, UINT32_MAX, 8), 0);
    const uint32_t written = 0x01020304;
    uint32_t read = 0;
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_write), &dynptr, 12, &written, 4, 0), 0);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_write), &dynptr, 13, &written, 4, 0), -E2BIG);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_write), &dynptr, 0, &written, 4, 1), -EINVAL);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_read), &read, 4, &dynptr, 12, 0), 0);
    EXPECT_EQ(read, written);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_read), &read, 4, &dynptr, 13, 0), -E2BIG);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_read), &read, 4, &dynptr, 0, 1), -EINVAL);
}

TEST(Dynptr, OfAFrameFollowsIt) {
    std::vector<unsigned char> memory(256);
    abi::xdp_buff frame{};
    frame.data_hard_start = memory.data();
    frame.data = memory.data() + 64;
    frame.data_end = memory.data() + 128;
    abi::bpf_dynptr_kern dynptr{};
    const Helper* const slice = find_kfunc("bpf_dynptr_slice_rdwr");
    ASSERT_EQ(call(find_kfunc("bpf_dynptr_from_xdp"), &frame, 0, &dynptr), 0);
    EXPECT_EQ(call(slice, &dynptr, 60, 0, 4), reinterpret_cast<int64_t>(memory.data() + 124));
    EXPECT_EQ(call(slice, &dynptr, 61, 0, 4), 0);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_data), &dynptr, 0, 4), 0);  // a frame's memory moves
    frame.data = memory.data() + 100;
    EXPECT_EQ(call(slice, &dynptr, 0, 0, 4), reinterpret_cast<int64_t>(memory.data() + 100));
    EXPECT_EQ(call(slice, &dynptr, 40, 0, 4), 0);
    const uint32_t written = 7;
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_write), &dynptr, 24, &written, 4, 0), 0);
    EXPECT_EQ(memory[124], 7);
    EXPECT_EQ(call(helper(BPF_FUNC_dynptr_write), &dynptr, 25, &written, 4, 0), -EINVAL);
    EXPECT_EQ(call(find_kfunc("bpf_dynptr_from_xdp"), &frame, 1, &dynptr), -EINVAL);
    EXPECT_EQ(call(slice, &dynptr, 0, 0, 4), 0);
}

TEST(Metadata, OfAFrameThereIsNone) {
    abi::xdp_buff frame{};
    uint64_t first = 1, second = 2;
    for (const Helper& kfunc : metadata_kfuncs()) {
        EXPECT_TRUE(wants_bound_device(kfunc));
        EXPECT_EQ(call(&kfunc, &frame, &first, &second), -ENODATA) << kfunc.name;
    }
    EXPECT_EQ(first + second, 3U);
}

TEST(Dynptr, FunctionsOfTheKernelHaveTheirPrograms) {
    EXPECT_EQ(find_kfunc("bpf_no_such_function"), nullptr);
    EXPECT_TRUE(allows_kfunc(BPF_PROG_TYPE_XDP, *find_kfunc("bpf_dynptr_from_xdp")));
    EXPECT_FALSE(allows_kfunc(BPF_PROG_TYPE_SCHED_CLS, *find_kfunc("bpf_dynptr_from_xdp")));
    EXPECT_TRUE(allows_kfunc(BPF_PROG_TYPE_SCHED_CLS, *find_kfunc("bpf_dynptr_from_skb")));
    EXPECT_FALSE(allows_kfunc(BPF_PROG_TYPE_XDP, *find_kfunc("bpf_dynptr_from_skb")));
    for (const auto family : {dynptr_kfuncs(), user_kfuncs(), metadata_kfuncs()}) {
        for (const Helper& kfunc : family) {
            EXPECT_EQ(find_helper(kfunc.id), &kfunc);
            EXPECT_EQ(find_kfunc(kfunc.name), &kfunc);
            EXPECT_EQ(helper_name(kfunc.id), nullptr);
        }
    }
}

}  // namespace
}  // namespace graft
