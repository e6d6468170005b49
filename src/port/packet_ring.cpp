#include "port/packet_ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "abi/kernel_types.h"

namespace graft {
namespace {

constexpr uint32_t reserve = abi::xdp_packet_headroom;
// Where the kernel puts the frame of an Ethernet device in a slot: behind the slot's header and address, the reserve and the
// virtio_net_hdr, so that the *network* header of a frame without that last one would be 16-aligned.
constexpr uint32_t frame_offset = ((TPACKET2_HDRLEN + 16 + 15) & ~15U) + reserve + uint32_t{sizeof(Offload)} - ETH_HLEN;

template <class T>
Result<void> set_option(int fd, int option, const T& value, const char* what) {
    if (setsockopt(fd, SOL_PACKET, option, &value, sizeof value) != 0) return fail(errno, what);
    return {};
}

Result<void> accept_lengths(int fd, uint32_t min_length, uint32_t max_length) {
    std::array<sock_filter, 5> code{{
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, min_length, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, max_length, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffffU),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) return fail(errno, "SO_ATTACH_FILTER");
    return {};
}

Result<void> prepare(int fd, const PacketRing::Shape& shape) {
    TRY(set_option(fd, PACKET_VERSION, int{TPACKET_V2}, "PACKET_VERSION"));
    TRY(set_option(fd, PACKET_RESERVE, reserve, "PACKET_RESERVE"));
    TRY(set_option(fd, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR"));
    TRY(set_option(fd, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING"));
    // The queueing discipline of a hidden end has nothing to decide.
    TRY(set_option(fd, PACKET_QDISC_BYPASS, 1, "PACKET_QDISC_BYPASS"));
    const int send_buffer = 4 << 20;  // cut to net.core.wmem_max
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    TRY(accept_lengths(fd, shape.min_length, shape.max_length));
    tpacket_req request{};
    request.tp_block_size = shape.slot_size * shape.slots_per_block;
    request.tp_block_nr = shape.blocks;
    request.tp_frame_size = shape.slot_size;
    request.tp_frame_nr = shape.slots_per_block * shape.blocks;
    return set_option(fd, PACKET_RX_RING, request, "PACKET_RX_RING");
}

}  // namespace

uint32_t PacketRing::largest_frame(uint32_t slot_size) { return slot_size - frame_offset - abi::xdp_tailroom; }

Result<PacketRing> PacketRing::open(uint32_t ifindex, const Shape& shape) {
    PacketRing ring;
    ring.shape_ = shape;
    // Protocol 0: nothing arrives before the ring, the filter and the interface are set.
    ring.socket_ = Fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!ring.socket_) return fail(errno, "socket(AF_PACKET)");
    TRY(prepare(ring.fd(), shape));
    ring.memory_size_ = size_t{shape.slot_size} * shape.slots_per_block * shape.blocks;
    void* memory = mmap(nullptr, ring.memory_size_, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd(), 0);
    if (memory == MAP_FAILED) return fail(errno, "cannot map a packet ring");
    ring.memory_ = static_cast<std::byte*>(memory);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(ifindex);
    if (bind(ring.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail(errno, "cannot bind a packet socket");
    return ring;
}

PacketRing::PacketRing(PacketRing&& other) noexcept
    : socket_(std::move(other.socket_)),
      shape_(other.shape_),
      memory_(std::exchange(other.memory_, nullptr)),
      memory_size_(other.memory_size_),
      next_(other.next_),
      taken_(other.taken_) {}

PacketRing::~PacketRing() {
    if (memory_ != nullptr) munmap(memory_, memory_size_);
}

tpacket2_hdr* PacketRing::slot(uint32_t index) const {
    // Blocks are contiguous in the mapping and slots fill them without a gap.
    return reinterpret_cast<tpacket2_hdr*>(memory_ + size_t{index} * shape_.slot_size);
}

uint64_t PacketRing::next_arrival() const {
    if (taken_ == shape_.slots_per_block * shape_.blocks) return 0;  // the whole ring is ours: the next slot is an old one
    const tpacket2_hdr* header = slot(next_);
    if ((__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) return 0;
    return uint64_t{header->tp_sec} * 1'000'000'000U + header->tp_nsec;
}

bool PacketRing::take(Frame& frame) {
    tpacket2_hdr* header = slot(next_);
    if (++next_ == shape_.slots_per_block * shape_.blocks) next_ = 0;
    ++taken_;
    auto* const begin = reinterpret_cast<std::byte*>(header);
    std::byte* const data = begin + header->tp_mac;
    if (header->tp_snaplen != header->tp_len || header->tp_mac < reserve) return false;
    frame.hard_start = data - reserve;
    frame.frame_size = static_cast<uint32_t>(begin + shape_.slot_size - frame.hard_start);
    frame.data = data;
    frame.data_end = data + header->tp_snaplen;
    std::memcpy(&frame.offload, data - sizeof frame.offload, sizeof frame.offload);
    const bool tagged = (header->tp_status & TP_STATUS_VLAN_VALID) != 0;
    frame.vlan_tci = tagged ? header->tp_vlan_tci : uint16_t{0};
    frame.vlan_protocol = !tagged                                                ? uint16_t{0}
                          : (header->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? header->tp_vlan_tpid
                                                                                 : uint16_t{ETH_P_8021Q};
    return true;
}

void PacketRing::release() {
    const uint32_t slots = shape_.slots_per_block * shape_.blocks;
    uint32_t index = (next_ + slots - taken_) % slots;
    for (; taken_ != 0; --taken_) {
        __atomic_store_n(&slot(index)->tp_status, unsigned{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
        if (++index == slots) index = 0;
    }
}

uint64_t PacketRing::take_overruns() {
    tpacket_stats statistics{};
    socklen_t size = sizeof statistics;
    if (getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0) return 0;
    return statistics.tp_drops;
}

}  // namespace graft
