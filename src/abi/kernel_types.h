// The types of graft's own kernel that programs see: XDP's buff, the receive queue, the device.
//
// Names and members are Linux's, so that CO-RE finds them; the layouts are graft's.  The verifier rewrites context accesses to these
// layouts, and graft's vmlinux BTF describes them.  Standard layout; pointers are host pointers.
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

// What is in a struct bpf_dynptr, which programs see as 16 bytes.  Linux has such a struct, too, with other members.
enum class dynptr_kind : uint8_t { none, local, skb, xdp };
struct bpf_dynptr_kern {
    void* data;  // local: the memory; else the context of the program; null: nothing
    uint32_t size;
    dynptr_kind kind;
    uint8_t rdonly;
    uint16_t unused;
};
static_assert(sizeof(bpf_dynptr_kern) == 16);

// A frame that came through tc or was made by TEST_RUN.  What Linux keeps in two places (a skb's data and its shared info) is one here.
struct sk_buff {
    net_device* dev;
    void* sk;
    char cb[48];
    uint32_t len;  // of the frame from `data`
    uint32_t data_len;
    uint16_t mac_len;
    uint16_t queue_mapping;
    uint8_t pkt_type;  // PACKET_HOST ...
    uint8_t ip_summed;
    uint8_t vlan_present;
    uint8_t tc_at_ingress;
    uint32_t priority;
    int32_t skb_iif;
    uint32_t hash;
    uint16_t vlan_proto;  // big endian
    uint16_t vlan_tci;
    uint32_t napi_id;
    uint32_t mark;
    uint16_t protocol;  // big endian
    uint16_t tc_index;
    uint16_t transport_header;  // from `head`, as the next two
    uint16_t network_header;
    uint16_t mac_header;
    uint8_t tstamp_type;
    uint16_t gso_segs, gso_size;
    uint64_t tstamp;  // ns
    uint64_t hwtstamp;
    unsigned char* head;
    unsigned char* data;
    uint32_t tail;  // from `head`
    uint32_t end;
    uint32_t truesize;
};

// What sk_buff::cb holds while a program runs.  Who runs one fills it.
struct skb_control {
    uint32_t pkt_len;  // of the frame on the wire
    uint16_t slave_dev_queue_mapping;
    uint16_t tc_classid;
    unsigned char data[20];  // __sk_buff::cb
    void* data_meta;         // > sk_buff::data: none
    void* data_end;
};
static_assert(sizeof(skb_control) == sizeof(sk_buff::cb));

// What XDP promises in front of and behind a frame.
inline constexpr uint32_t xdp_packet_headroom = 256;
inline constexpr uint32_t xdp_tailroom = 320;  // where Linux keeps its skb_shared_info: bpf_xdp_adjust_tail stops there

}  // namespace graft::abi
