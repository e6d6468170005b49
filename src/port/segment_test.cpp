#include "port/segment.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>

#include "abi/kernel_types.h"

namespace graft {
namespace {

// A TCP or UDP frame with `payload` counted bytes and its offload header.
struct Uncut {
    std::vector<std::byte> bytes;
    Frame frame;

    Uncut(bool ipv6, bool tcp, size_t payload, uint16_t gso_size, size_t tags = 0) {
        const auto put = [&](std::initializer_list<int> values) {
            for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
        };
        put({1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
        for (size_t i = 0; i < tags; ++i) put({0x81, 0, 0, 9});
        const size_t transport_size = tcp ? 32 : 8;
        if (ipv6) {
            put({0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, tcp ? 6 : 17, 64});
            for (int i = 0; i < 32; ++i) put({i});
        } else {
            put({0x08, 0, 0x45, 0, 0, 0, 0x12, 0xff, 0x40, 0, 64, tcp ? 6 : 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
        }
        const size_t transport = bytes.size();
        bytes.resize(transport + transport_size, std::byte{0});
        if (tcp) {
            bytes[transport + 4] = std::byte{0xff};  // a sequence number that runs over
            bytes[transport + 5] = std::byte{0xff};
            bytes[transport + 6] = std::byte{0xff};
            bytes[transport + 12] = std::byte{0x80};
            bytes[transport + 13] = std::byte{0x80 | 0x10 | 0x08 | 0x01};  // CWR ACK PSH FIN
        }
        for (size_t i = 0; i < payload; ++i) bytes.push_back(static_cast<std::byte>(i * 7));
        frame.data = bytes.data();
        frame.data_end = bytes.data() + bytes.size();
        frame.offload = {Offload::needs_csum,
                         static_cast<uint8_t>(!tcp   ? 5
                                              : ipv6 ? 4
                                                     : 1),
                         static_cast<uint16_t>(transport + transport_size),
                         gso_size,
                         static_cast<uint16_t>(transport),
                         static_cast<uint16_t>(tcp ? 16 : 6)};
    }
};

unsigned at(const Frame& frame, size_t offset) { return std::to_integer<unsigned>(frame.data[offset]); }
unsigned word(const Frame& frame, size_t offset) { return at(frame, offset) << 8 | at(frame, offset + 1); }

unsigned ones_sum(const Frame& frame, size_t from, size_t size, unsigned sum = 0) {
    for (size_t i = 0; i < size; i += 2) sum += i + 1 < size ? word(frame, from + i) : at(frame, from + i) << 8;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

TEST(Segmenter, TcpOverIpv4) {
    for (const size_t tags : {size_t{0}, size_t{1}, size_t{2}}) {
        Uncut uncut(false, true, 2500, 1000, tags);
        FrameArena arena;
        std::vector<Frame> out;
        ASSERT_TRUE(cut_into_segments(uncut.frame, arena, out));
        ASSERT_EQ(out.size(), 3U);
        const size_t ip = 14 + 4 * tags, tcp = ip + 20, payload = tcp + 32;
        size_t offset = 0;
        for (size_t i = 0; i < out.size(); ++i) {
            const Frame& segment = out[i];
            const size_t size = i < 2 ? 1000 : 500;
            ASSERT_EQ(segment.size(), payload + size);
            EXPECT_EQ(word(segment, ip + 2), 52 + size);
            EXPECT_EQ(word(segment, ip + 4), 0x12ff + i);
            EXPECT_EQ(ones_sum(segment, ip, 20), 0xffffU);
            EXPECT_EQ((word(segment, tcp + 4) << 16 | word(segment, tcp + 6)), static_cast<unsigned>(0xffffff00U + offset));
            EXPECT_EQ(at(segment, tcp + 13), (i == 0 ? 0x80U : 0U) | 0x10U | (i == 2 ? 0x09U : 0U));
            EXPECT_EQ(word(segment, tcp + 16), ones_sum(segment, ip + 12, 8, static_cast<unsigned>(6 + 32 + size)));
            EXPECT_EQ(std::memcmp(segment.data + payload, uncut.frame.data + payload + offset, size), 0);
            EXPECT_EQ(segment.offload.flags, Offload::needs_csum);
            EXPECT_EQ(segment.offload.gso_type, 0);
            EXPECT_EQ(segment.offload.csum_start, tcp);
            EXPECT_EQ(segment.data - segment.hard_start, abi::xdp_packet_headroom);
            EXPECT_GE(segment.hard_start + segment.frame_size - segment.data_end, std::ptrdiff_t{abi::xdp_tailroom});
            offset += size;
        }
    }
}

TEST(Segmenter, UdpOverIpv6) {
    Uncut uncut(true, false, 1001, 500);
    FrameArena arena;
    std::vector<Frame> out;
    ASSERT_TRUE(cut_into_segments(uncut.frame, arena, out));
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(word(out[0], 18), 508U);
    EXPECT_EQ(word(out[2], 18), 9U);
    EXPECT_EQ(word(out[2], 54 + 4), 9U);
    EXPECT_EQ(word(out[2], 54 + 6), ones_sum(out[2], 22, 32, 17 + 9));
}

TEST(Segmenter, ExactMultiple) {
    Uncut uncut(true, true, 2000, 1000);
    FrameArena arena;
    std::vector<Frame> out;
    ASSERT_TRUE(cut_into_segments(uncut.frame, arena, out));
    EXPECT_EQ(out.size(), 2U);
    EXPECT_EQ(at(out[1], 54 + 13) & 1, 1U);
}

TEST(Segmenter, WhatCannotBeCutStaysWhole) {
    FrameArena arena;
    std::vector<Frame> out;
    const auto refuses = [&](const std::function<void(Uncut&)>& spoil, bool ipv6 = false) {
        Uncut uncut(ipv6, true, 2500, 1000);
        spoil(uncut);
        EXPECT_FALSE(cut_into_segments(uncut.frame, arena, out));
        EXPECT_TRUE(out.empty());
    };
    refuses([](Uncut& u) { u.frame.offload.gso_type = 0; });
    refuses([](Uncut& u) { u.frame.offload.gso_type = 3; });  // UFO
    refuses([](Uncut& u) { u.frame.offload.gso_type = 4; });  // TCPv6 on IPv4
    refuses([](Uncut& u) { u.frame.offload.gso_size = 0; });
    refuses([](Uncut& u) { u.frame.offload.flags = 0; });
    refuses([](Uncut& u) { u.frame.offload.csum_start = 84; });  // a tunnel's inner header
    refuses([](Uncut& u) { u.frame.offload.csum_start = 0xffff; });
    refuses([](Uncut& u) { u.bytes[14] = std::byte{0x44}; });         // a short IP header
    refuses([](Uncut& u) { u.bytes[23] = std::byte{17}; });           // not TCP
    refuses([](Uncut& u) { u.bytes[34 + 12] = std::byte{0x40}; });    // a short TCP header
    refuses([](Uncut& u) { u.frame.data_end = u.frame.data + 40; });  // cut off
    refuses([](Uncut& u) { u.frame.data_end = u.frame.data + 13; });
    refuses(
        [](Uncut& u) {
            u.frame.offload.csum_start = 54 + 40;
            u.bytes[20] = std::byte{41};
        },
        true);
}

TEST(Segmenter, MemoryIsReused) {
    FrameArena arena;
    for (int round = 0; round < 3; ++round) {
        std::vector<Frame> out;
        for (int i = 0; i < 30; ++i) {
            Uncut uncut(false, true, 60000, 1448);
            ASSERT_TRUE(cut_into_segments(uncut.frame, arena, out));
        }
        EXPECT_GT(arena.used(), size_t{1} << 20);
        arena.reset();
        EXPECT_EQ(arena.used(), 0U);
    }
}

TEST(Segmenter, ManyTinySegmentsAreRefused) {
    Uncut uncut(false, true, 60000, 1);
    FrameArena arena;
    std::vector<Frame> out;
    EXPECT_FALSE(cut_into_segments(uncut.frame, arena, out));
}

}  // namespace
}  // namespace graft
