// The types of graft's own kernel that programs see: XDP's buff, the receive queue, the device.
//
// Names and members are Linux's, so that CO-RE finds them; the layouts are graft's.  The verifier rewrites context accesses to these layouts,
// and graft's vmlinux BTF describes them.  Standard layout; pointers are host pointers.
#pragma once

#include <cstdint>

namespace graft::abi {

struct net_device {
    int32_t ifindex;
    uint32_t mtu;
    char name[16];
    uint64_t netns_cookie;
};

struct xdp_rxq_info {
    net_device* dev;
    uint32_t queue_index;
    uint32_t reg_state;
};

struct xdp_txq_info {
    net_device* dev;
};

struct xdp_buff {
    void* data;
    void* data_end;
    void* data_meta;  // > data: no metadata area supported
    void* data_hard_start;
    xdp_rxq_info* rxq;
    xdp_txq_info* txq;
    uint32_t frame_sz;  // from data_hard_start to the end of the buffer, tailroom included
    uint32_t flags;
};

// What XDP promises in front of and behind a frame.
inline constexpr uint32_t xdp_packet_headroom = 256;
inline constexpr uint32_t xdp_tailroom = 320;  // where Linux keeps its skb_shared_info: bpf_xdp_adjust_tail stops there

}  // namespace graft::abi
