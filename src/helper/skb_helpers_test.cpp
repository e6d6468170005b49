// The helpers that read and change a socket buffer, called as an engine calls them.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/helper.h"

namespace graft {
namespace {

constexpr size_t head_room = 64, frame_size = 60, tail_room = 100;

// Ethernet, then an IPv4 header of 20 bytes that is summed up right; what follows counts up.
class SkbHelpers : public ::testing::Test {
protected:
    SkbHelpers() {
        skb.head = memory.data();
        skb.data = memory.data() + head_room;
        skb.len = frame_size;
        skb.end = static_cast<uint32_t>(memory.size());
        skb.tail = head_room + frame_size;
        skb.mac_header = head_room;
        skb.mac_len = ETH_HLEN;
        skb.network_header = head_room + ETH_HLEN;
        skb.protocol = htons(ETH_P_IP);
        for (size_t i = 0; i < frame_size; ++i) skb.data[i] = static_cast<unsigned char>(i);
        put(12, htons(ETH_P_IP));
        ip()[0] = 0x45;
        put(ETH_HLEN + 10, 0);
        put(ETH_HLEN + 10, static_cast<uint16_t>(~sum(ETH_HLEN, 20)));
    }

    template <class... Args>
    int64_t call(uint32_t id, Args... args) {
        const Helper* const helper = find_helper(id);
        EXPECT_NE(helper, nullptr);
        std::array<uint64_t, 5> r{reinterpret_cast<uint64_t>(&skb)};
        size_t i = 1;
        ((r[i++] = reg(args)), ...);
        return static_cast<int64_t>(helper->function(r[0], r[1], r[2], r[3], r[4]));
    }
    template <class T>
    static uint64_t reg(T value) {
        if constexpr (std::is_pointer_v<T>) {
            return reinterpret_cast<uint64_t>(value);
        } else {
            return static_cast<uint64_t>(value);
        }
    }
    unsigned char* ip() { return skb.data + ETH_HLEN; }
    void put(size_t offset, uint16_t value) { std::memcpy(skb.data + offset, &value, sizeof value); }
    uint16_t get(size_t offset) const {
        uint16_t value;
        std::memcpy(&value, skb.data + offset, sizeof value);
        return value;
    }
    // The ones' complement sum of 16-bit words; of a header with its checksum in it: 0xffff.
    uint16_t sum(size_t offset, size_t size) const {
        uint32_t total = 0;
        for (size_t i = 0; i < size; i += 2) total += get(offset + i);
        while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
        return static_cast<uint16_t>(total);
    }
    std::vector<unsigned char> frame() const { return {skb.data, skb.data + skb.len}; }

    std::vector<unsigned char> memory = std::vector<unsigned char>(head_room + frame_size + tail_room);
    abi::sk_buff skb{};
};

TEST_F(SkbHelpers, BytesEndWithTheFrame) {
    unsigned char bytes[4] = {9, 9, 9, 9};
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes, 1, bytes, 4), 0);
    EXPECT_EQ(bytes[3], 4);
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes, frame_size - 3, bytes, 4), -EFAULT);
    EXPECT_EQ(bytes[3], 0);  // nothing of the program's memory stays uninitialised
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes, 0x80000000U, bytes, 4), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes_relative, 1, bytes, 1, BPF_HDR_START_MAC), 0);
    EXPECT_EQ(bytes[0], 1);
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes_relative, 0, bytes, 1, BPF_HDR_START_NET), 0);
    EXPECT_EQ(bytes[0], 0x45);
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes_relative, frame_size, bytes, 1, BPF_HDR_START_MAC), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_skb_load_bytes_relative, 0, bytes, 1, 2), -EFAULT);

    const unsigned char fresh[2] = {0xaa, 0xbb};
    skb.hash = 7;
    EXPECT_EQ(call(BPF_FUNC_skb_store_bytes, frame_size - 2, fresh, 2, BPF_F_INVALIDATE_HASH), 0);
    EXPECT_EQ(skb.data[frame_size - 1], 0xbb);
    EXPECT_EQ(skb.hash, 0U);
    EXPECT_EQ(call(BPF_FUNC_skb_store_bytes, frame_size - 1, fresh, 2, 0), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_skb_store_bytes, 0, fresh, 2, 4), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_pull_data, frame_size), 0);
    EXPECT_EQ(call(BPF_FUNC_skb_pull_data, frame_size + 1), -ENOMEM);
}

TEST_F(SkbHelpers, ChecksumsFollowWhatTheyCover) {
    ASSERT_EQ(sum(ETH_HLEN, 20), 0xffff);
    const uint16_t old_half = get(ETH_HLEN + 2), new_half = 0x1234;
    put(ETH_HLEN + 2, new_half);
    EXPECT_EQ(call(BPF_FUNC_l3_csum_replace, ETH_HLEN + 10, old_half, new_half, 2), 0);
    EXPECT_EQ(sum(ETH_HLEN, 20), 0xffff);
    uint32_t old_word, new_word = 0xfedcba98;
    std::memcpy(&old_word, ip() + 12, 4);
    std::memcpy(ip() + 12, &new_word, 4);
    EXPECT_EQ(call(BPF_FUNC_l4_csum_replace, ETH_HLEN + 10, old_word, new_word, 4), 0);
    EXPECT_EQ(sum(ETH_HLEN, 20), 0xffff);
    EXPECT_EQ(call(BPF_FUNC_l3_csum_replace, ETH_HLEN + 10, 1, 2, 3), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_l3_csum_replace, ETH_HLEN + 10, 1, 2, 16 | 2), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_l3_csum_replace, ETH_HLEN + 11, 1, 2, 2), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_l3_csum_replace, frame_size, 1, 2, 2), -EFAULT);
}

TEST_F(SkbHelpers, TagsGoInAndOutAgain) {
    const std::vector<unsigned char> before = frame();
    EXPECT_EQ(call(BPF_FUNC_skb_vlan_push, htons(ETH_P_8021Q), 5), 0);
    EXPECT_EQ(skb.vlan_tci, 5);
    EXPECT_EQ(frame(), before);  // the first one stays beside the frame
    EXPECT_EQ(call(BPF_FUNC_skb_vlan_push, htons(ETH_P_8021AD), 6), 0);
    EXPECT_EQ(skb.len, frame_size + 4);
    EXPECT_EQ(get(12), htons(ETH_P_8021Q));
    EXPECT_EQ(get(14), htons(5));
    EXPECT_EQ(call(BPF_FUNC_skb_vlan_pop), 0);
    EXPECT_EQ(skb.vlan_present, 1);
    EXPECT_EQ(skb.vlan_tci, 5);
    EXPECT_EQ(call(BPF_FUNC_skb_vlan_pop), 0);
    EXPECT_EQ(skb.vlan_present, 0);
    EXPECT_EQ(frame(), before);
    EXPECT_EQ(call(BPF_FUNC_skb_vlan_pop), 0);  // there is none
    EXPECT_EQ(frame(), before);
}

TEST_F(SkbHelpers, TheEndMoves) {
    EXPECT_EQ(call(BPF_FUNC_skb_change_tail, frame_size + tail_room, 0), 0);
    EXPECT_EQ(skb.len, frame_size + tail_room);
    EXPECT_EQ(skb.data[frame_size], 0);
    EXPECT_EQ(call(BPF_FUNC_skb_change_tail, frame_size + tail_room + 1, 0), -ENOMEM);
    EXPECT_EQ(call(BPF_FUNC_skb_change_tail, 20, 0), 0);
    EXPECT_EQ(skb.len, 20U);
    EXPECT_EQ(call(BPF_FUNC_skb_change_tail, ETH_HLEN - 1, 0), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_change_tail, 20, 1), -EINVAL);
}

TEST_F(SkbHelpers, TheStartMoves) {
    EXPECT_EQ(call(BPF_FUNC_skb_change_head, head_room + 1, 0), -ENOMEM);
    EXPECT_EQ(call(BPF_FUNC_skb_change_head, 8, 1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_change_head, 8, 0), 0);
    EXPECT_EQ(skb.len, frame_size + 8);
    EXPECT_EQ(skb.data[0], 0);
    EXPECT_EQ(skb.data[9], 1);
    EXPECT_EQ(skb.mac_header, head_room - 8);
}

TEST_F(SkbHelpers, RoomBetweenTheHeaders) {
    const std::vector<unsigned char> before = frame();
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, 8, BPF_ADJ_ROOM_NET, 0), 0);
    EXPECT_EQ(skb.len, frame_size + 8);
    EXPECT_EQ(skb.data[ETH_HLEN], 0x45);
    EXPECT_EQ(skb.data[ETH_HLEN + 20], 0);
    EXPECT_EQ(skb.data[ETH_HLEN + 28], ETH_HLEN + 20);
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, -8, BPF_ADJ_ROOM_NET, 0), 0);
    EXPECT_EQ(frame(), before);
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, -static_cast<int>(frame_size), BPF_ADJ_ROOM_MAC, 0), -abi::enotsupp);
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, 0x1000, BPF_ADJ_ROOM_MAC, 0), -EFAULT);
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, 8, BPF_ADJ_ROOM_MAC, 1U << 31), -EINVAL);
    skb.protocol = htons(ETH_P_ARP);
    EXPECT_EQ(call(BPF_FUNC_skb_adjust_room, 8, BPF_ADJ_ROOM_MAC, 0), -abi::enotsupp);
}

TEST_F(SkbHelpers, AHeaderOfTheOtherProtocol) {
    const std::vector<unsigned char> before = frame();
    EXPECT_EQ(call(BPF_FUNC_skb_change_proto, htons(ETH_P_IP), 0), -abi::enotsupp);
    EXPECT_EQ(call(BPF_FUNC_skb_change_proto, htons(ETH_P_IPV6), 1), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_change_proto, htons(ETH_P_IPV6), 0), 0);
    EXPECT_EQ(skb.len, frame_size + 20);
    EXPECT_EQ(skb.protocol, htons(ETH_P_IPV6));
    EXPECT_EQ(skb.data[ETH_HLEN + 20], 0x45);
    EXPECT_EQ(call(BPF_FUNC_skb_change_proto, htons(ETH_P_IP), 0), 0);
    EXPECT_EQ(frame(), before);
    skb.protocol = htons(ETH_P_IPV6);
    skb.len = ETH_HLEN + 19;
    EXPECT_EQ(call(BPF_FUNC_skb_change_proto, htons(ETH_P_IP), 0), -ENOMEM);
}

TEST_F(SkbHelpers, CongestionIsMarkedWhereItIsUnderstood) {
    ip()[1] = 0;
    EXPECT_EQ(call(BPF_FUNC_skb_ecn_set_ce), 0);
    ip()[1] = 1;
    put(ETH_HLEN + 10, 0);
    put(ETH_HLEN + 10, static_cast<uint16_t>(~sum(ETH_HLEN, 20)));
    EXPECT_EQ(call(BPF_FUNC_skb_ecn_set_ce), 1);
    EXPECT_EQ(ip()[1], 3);
    EXPECT_EQ(sum(ETH_HLEN, 20), 0xffff);
}

TEST_F(SkbHelpers, ThereAreNoTunnels) {
    bpf_tunnel_key key{};
    key.tunnel_id = 7;
    EXPECT_EQ(call(BPF_FUNC_skb_set_tunnel_key, &key, sizeof key, BPF_F_ZERO_CSUM_TX), 0);
    EXPECT_EQ(call(BPF_FUNC_skb_set_tunnel_key, &key, sizeof key, 1U << 20), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_set_tunnel_key, &key, 1, 0), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_get_tunnel_key, &key, sizeof key, 0), -EINVAL);
    EXPECT_EQ(key.tunnel_id, 0U);
}

TEST_F(SkbHelpers, FieldsOfTheBuffer) {
    EXPECT_EQ(call(BPF_FUNC_set_hash, 0x1234), 0);
    EXPECT_EQ(call(BPF_FUNC_get_hash_recalc), 0x1234);
    EXPECT_EQ(call(BPF_FUNC_skb_change_type, 3), 0);
    EXPECT_EQ(skb.pkt_type, 3);
    EXPECT_EQ(call(BPF_FUNC_skb_change_type, 4), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_set_tstamp, 77, BPF_SKB_TSTAMP_DELIVERY_MONO), 0);
    EXPECT_EQ(skb.tstamp, 77U);
    EXPECT_EQ(call(BPF_FUNC_skb_set_tstamp, 0, BPF_SKB_TSTAMP_DELIVERY_MONO), -EINVAL);
    EXPECT_EQ(call(BPF_FUNC_skb_set_tstamp, 77, BPF_SKB_TSTAMP_UNSPEC), -EINVAL);
}

}  // namespace
}  // namespace graft
