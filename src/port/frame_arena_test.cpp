#include "port/frame_arena.h"

#include <gtest/gtest.h>

#include <cstring>

#include "abi/kernel_types.h"

namespace graft {
namespace {

TEST(FrameArena, FramesHaveTheirReservesAndDoNotOverlap) {
    FrameArena arena;
    std::vector<Frame> frames;
    for (size_t i = 0; i < 3000; ++i) {
        frames.push_back(arena.make(i * 7 % 65536));
        std::memset(frames.back().hard_start, static_cast<int>(i & 0xff), frames.back().frame_size);
    }
    for (size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].data - frames[i].hard_start, abi::xdp_packet_headroom);
        EXPECT_EQ(frames[i].hard_start + frames[i].frame_size - frames[i].data_end, abi::xdp_tailroom);
        for (const std::byte* p = frames[i].hard_start; p < frames[i].hard_start + frames[i].frame_size; ++p) {
            ASSERT_EQ(*p, static_cast<std::byte>(i & 0xff)) << i;
        }
    }
}

TEST(FrameArena, ACopyIsTheSameFrame) {
    FrameArena arena;
    Frame frame = arena.make(100);
    std::memset(frame.data, 0x5a, 100);
    frame.offload.csum_start = 34;
    frame.vlan_protocol = 0x8100;
    frame.vlan_tci = 5;
    const Frame copy = arena.copy(frame);
    EXPECT_NE(copy.data, frame.data);
    EXPECT_EQ(std::memcmp(copy.data, frame.data, 100), 0);
    EXPECT_EQ(copy.offload.csum_start, 34);
    EXPECT_EQ(copy.vlan_protocol, 0x8100);
    EXPECT_EQ(copy.vlan_tci, 5);
}

}  // namespace
}  // namespace graft
