#include "helper/skb_load.h"

#include <gtest/gtest.h>
#include <linux/filter.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "abi/kernel_types.h"

namespace graft {
namespace {

struct Frame {
    Frame() {
        for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i);
        skb.head = bytes.data();
        skb.data = bytes.data() + 16;
        skb.mac_header = 16;
        skb.network_header = 30;
        skb.tail = static_cast<uint32_t>(bytes.size());
    }
    int64_t load(uint32_t id, int32_t offset) {
        return static_cast<int64_t>(
            find_helper(id)->function(reinterpret_cast<uintptr_t>(&skb), static_cast<uint64_t>(int64_t{offset}), 0, 0, 0));
    }
    std::vector<unsigned char> bytes = std::vector<unsigned char>(64);
    abi::sk_buff skb{};
};

TEST(SkbLoad, ReadsInNetworkOrder) {
    Frame frame;
    EXPECT_EQ(frame.load(op_skb_load_8, 0), 16);
    EXPECT_EQ(frame.load(op_skb_load_16, 1), 0x1112);
    EXPECT_EQ(frame.load(op_skb_load_32, 2), 0x12131415);
}

TEST(SkbLoad, EndsAtTheFramesEnd) {
    Frame frame;
    EXPECT_EQ(frame.load(op_skb_load_8, 47), 63);
    EXPECT_EQ(frame.load(op_skb_load_8, 48), -EFAULT);
    EXPECT_EQ(frame.load(op_skb_load_16, 46), 0x3e3f);
    EXPECT_EQ(frame.load(op_skb_load_16, 47), -EFAULT);
    EXPECT_EQ(frame.load(op_skb_load_32, INT32_MAX), -EFAULT);
}

TEST(SkbLoad, NegativeOffsetsCountFromTheHeaders) {
    Frame frame;
    EXPECT_EQ(frame.load(op_skb_load_8, SKF_NET_OFF), 30);
    EXPECT_EQ(frame.load(op_skb_load_8, SKF_LL_OFF + 1), 17);
    EXPECT_EQ(frame.load(op_skb_load_8, SKF_NET_OFF + 34), -EFAULT);
    EXPECT_EQ(frame.load(op_skb_load_8, SKF_LL_OFF - 1), -EFAULT);
    EXPECT_EQ(frame.load(op_skb_load_8, INT32_MIN), -EFAULT);
}

TEST(SkbLoad, NoProgramCanNameThem) {
    EXPECT_EQ(helper_name(op_skb_load_8), nullptr);
    for (const Helper* helper : helpers()) EXPECT_LT(helper->id, op_skb_load_8);
}

}  // namespace
}  // namespace graft
