// Helpers that read and change a socket buffer: abi::sk_buff is the context.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <array>
#include <climits>
#include <cstring>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/skb_buffer.h"

namespace graft {
namespace {

namespace buffer = skb_buffer;
constexpr uint32_t overflow_uid = 65534;  // of a socket that nobody owns

abi::sk_buff& skb_of(uint64_t context) { return *pointer_in<abi::sk_buff>(context); }

// --- bytes -------------------------------------------------------------------------------------------------------------------------------

uint64_t load_bytes(uint64_t context, uint64_t offset, uint64_t to, uint64_t size, uint64_t) {
    const auto count = static_cast<uint32_t>(size);
    const auto first = static_cast<uint32_t>(offset);
    const unsigned char* const bytes = first > INT_MAX ? nullptr : buffer::at(skb_of(context), first, count);
    if (bytes == nullptr) {
        std::memset(pointer_in<void>(to), 0, count);
        return answer(-EFAULT);
    }
    std::memcpy(pointer_in<void>(to), bytes, count);
    return 0;
}

uint64_t load_bytes_relative(uint64_t context, uint64_t offset, uint64_t to, uint64_t size, uint64_t start) {
    abi::sk_buff& skb = skb_of(context);
    const auto count = static_cast<uint32_t>(size);
    const auto first = static_cast<uint32_t>(offset);
    const uint64_t header = start == BPF_HDR_START_MAC ? skb.mac_header : skb.network_header;
    const uint64_t end = static_cast<uint64_t>(skb.data - skb.head) + skb.len;
    if (start > BPF_HDR_START_NET || first > 0xffff || header + first + count > end) {
        std::memset(pointer_in<void>(to), 0, count);
        return answer(-EFAULT);
    }
    std::memcpy(pointer_in<void>(to), skb.head + header + first, count);
    return 0;
}

uint64_t store_bytes(uint64_t context, uint64_t offset, uint64_t from, uint64_t size, uint64_t flags) {
    abi::sk_buff& skb = skb_of(context);
    const auto first = static_cast<uint32_t>(offset), count = static_cast<uint32_t>(size);
    if ((flags & ~uint64_t{BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH}) != 0) return answer(-EINVAL);
    unsigned char* const bytes = first > INT_MAX ? nullptr : buffer::at(skb, first, count);
    if (bytes == nullptr) return answer(-EFAULT);
    std::memcpy(bytes, pointer_in<const void>(from), count);
    if ((flags & BPF_F_INVALIDATE_HASH) != 0) skb.hash = 0;
    return 0;
}

// All of a frame is in one piece here.
uint64_t pull_data(uint64_t context, uint64_t size, uint64_t, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    if (static_cast<uint32_t>(size) > skb.len) return answer(-ENOMEM);
    buffer::refresh(skb);
    return 0;
}

// --- checksums ---------------------------------------------------------------------------------------------------------------------------

constexpr uint64_t field_size_mask = BPF_F_HDR_FIELD_MASK;
constexpr uint16_t mangled_zero = 0xffff;

uint16_t fold(uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(sum);
}
uint64_t as_sum(uint32_t value) { return (value & 0xffff) + (value >> 16); }

// What a checksum becomes when `from` in what it covers becomes `to`; of size 0: when the sum of what it covers grows by `to`.
uint16_t replaced(uint16_t check, uint32_t from, uint32_t to, uint64_t size) {
    const uint16_t sum = static_cast<uint16_t>(~check);
    if (size == 0) return static_cast<uint16_t>(~fold(uint64_t{sum} + as_sum(to)));
    return static_cast<uint16_t>(~fold(uint64_t{sum} + as_sum(~from) + as_sum(to)));
}

// Of 2 or 4 bytes, or a difference: the sizes that a field may have.
bool is_field(uint64_t size, uint64_t from) { return size == 2 || size == 4 || (size == 0 && from == 0); }

uint64_t replace(abi::sk_buff& skb, uint32_t offset, uint64_t from, uint64_t to, uint64_t flags) {
    if (offset > 0xffff || offset % 2 != 0) return answer(-EFAULT);
    unsigned char* const place = buffer::at(skb, offset, 2);
    if (place == nullptr) return answer(-EFAULT);
    const uint64_t size = flags & field_size_mask;
    uint16_t check;
    std::memcpy(&check, place, sizeof check);
    const bool zero_means_none = (flags & BPF_F_MARK_MANGLED_0) != 0;
    if (zero_means_none && (flags & BPF_F_MARK_ENFORCE) == 0 && check == 0) return 0;
    if (!is_field(size, from)) return answer(-EINVAL);
    const uint32_t mask = size == 2 ? 0xffff : UINT32_MAX;
    const auto old_value = static_cast<uint32_t>(from) & mask, new_value = static_cast<uint32_t>(to) & mask;
    // Half a word has no upper half that counts when it is complemented.
    check = size == 2 ? static_cast<uint16_t>(~fold(uint64_t{static_cast<uint16_t>(~check)} + (~old_value & 0xffff) + new_value))
                      : replaced(check, old_value, new_value, size);
    if (zero_means_none && check == 0) check = mangled_zero;
    std::memcpy(place, &check, sizeof check);
    return 0;
}

uint64_t l3_csum_replace(uint64_t context, uint64_t offset, uint64_t from, uint64_t to, uint64_t flags) {
    if ((flags & ~field_size_mask) != 0) return answer(-EINVAL);
    return replace(skb_of(context), static_cast<uint32_t>(offset), from, to, flags);
}

uint64_t l4_csum_replace(uint64_t context, uint64_t offset, uint64_t from, uint64_t to, uint64_t flags) {
    constexpr uint64_t known = BPF_F_MARK_MANGLED_0 | BPF_F_PSEUDO_HDR | BPF_F_MARK_ENFORCE | BPF_F_HDR_FIELD_MASK;
    if ((flags & ~known) != 0) return answer(-EINVAL);
    return replace(skb_of(context), static_cast<uint32_t>(offset), from, to, flags);
}

// No hardware has summed up these frames.
uint64_t csum_update(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return answer(-abi::enotsupp); }
uint64_t csum_level(uint64_t, uint64_t level, uint64_t, uint64_t, uint64_t) {
    if (level > BPF_CSUM_LEVEL_RESET) return answer(-EINVAL);
    return level == BPF_CSUM_LEVEL_QUERY ? answer(-EACCES) : 0;
}

// --- tags --------------------------------------------------------------------------------------------------------------------------------

constexpr uint32_t addresses = 2 * ETH_ALEN, tag_size = 4;

bool is_tag(uint16_t protocol) { return protocol == htons(ETH_P_8021Q) || protocol == htons(ETH_P_8021AD); }

// The tag that is kept beside the frame becomes part of it.
bool write_tag(abi::sk_buff& skb) {
    if (!buffer::open_gap(skb, addresses, tag_size)) return false;
    std::memcpy(skb.data + addresses, &skb.vlan_proto, 2);
    const uint16_t tci = htons(skb.vlan_tci);
    std::memcpy(skb.data + addresses + 2, &tci, 2);
    skb.protocol = skb.vlan_proto;
    skb.mac_len = static_cast<uint16_t>(skb.mac_len + tag_size);
    return true;
}

// The frame's outermost tag; its protocol is then that of what it was in front of.
bool read_tag(abi::sk_buff& skb, uint16_t& tci) {
    if (buffer::at(skb, 0, addresses + tag_size + 2) == nullptr) return false;
    std::memcpy(&tci, skb.data + addresses + 2, 2);
    tci = ntohs(tci);
    buffer::close_gap(skb, addresses, tag_size);
    std::memcpy(&skb.protocol, skb.data + addresses, 2);
    if (skb.mac_len >= ETH_HLEN + tag_size) skb.mac_len = static_cast<uint16_t>(skb.mac_len - tag_size);
    return true;
}

uint64_t vlan_push(uint64_t context, uint64_t protocol, uint64_t tci, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    if (skb.vlan_present != 0 && !write_tag(skb)) return answer(-ENOMEM);
    skb.vlan_proto = is_tag(static_cast<uint16_t>(protocol)) ? static_cast<uint16_t>(protocol) : htons(ETH_P_8021Q);
    skb.vlan_tci = static_cast<uint16_t>(tci);
    skb.vlan_present = 1;
    buffer::refresh(skb);
    return 0;
}

uint64_t vlan_pop(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    uint16_t tci = 0;
    if (skb.vlan_present != 0) {
        skb.vlan_present = 0;
        skb.vlan_tci = skb.vlan_proto = 0;
    } else if (is_tag(skb.protocol)) {
        if (!read_tag(skb, tci)) return answer(-ENOMEM);
    } else {
        return 0;
    }
    // The next one moves up beside the frame.
    const uint16_t next = skb.protocol;
    if (!is_tag(next)) return 0;
    if (!read_tag(skb, tci)) return answer(-ENOMEM);
    skb.vlan_proto = next;
    skb.vlan_tci = tci;
    skb.vlan_present = 1;
    return 0;
}

// --- size --------------------------------------------------------------------------------------------------------------------------------

constexpr uint32_t largest = 16384;

uint64_t change_tail(uint64_t context, uint64_t length, uint64_t flags, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    const auto wanted = static_cast<uint32_t>(length);
    const auto start = static_cast<uint32_t>(skb.data - skb.head);
    const uint32_t smallest = skb.network_header > start ? skb.network_header - start : 0;
    if (flags != 0 || wanted > largest || wanted < smallest) return answer(-EINVAL);
    return buffer::set_length(skb, wanted) ? 0 : answer(-ENOMEM);
}

uint64_t change_head(uint64_t context, uint64_t room, uint64_t flags, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    const auto count = static_cast<uint32_t>(room);
    if (flags != 0 || uint64_t{skb.len} + count > largest) return answer(-EINVAL);
    if (!buffer::open_gap(skb, 0, count)) return answer(-ENOMEM);
    skb.mac_header = static_cast<uint16_t>(skb.data - skb.head);
    return 0;
}

uint32_t network_header_size(const abi::sk_buff& skb) {
    if (skb.protocol == htons(ETH_P_IP)) return 20;
    return skb.protocol == htons(ETH_P_IPV6) ? 40 : 0;
}

// Room between the headers: behind the Ethernet header, or behind the network header.
uint64_t adjust_room(uint64_t context, uint64_t by, uint64_t mode, uint64_t flags, uint64_t) {
    constexpr uint64_t encapsulation = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE |
                                       BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |
                                       (uint64_t{BPF_ADJ_ROOM_ENCAP_L2_MASK} << BPF_ADJ_ROOM_ENCAP_L2_SHIFT);
    constexpr uint64_t known = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET | encapsulation;
    constexpr uint32_t most = 0xfff;
    abi::sk_buff& skb = skb_of(context);
    const auto difference = static_cast<int32_t>(by);
    const uint32_t count = difference < 0 ? 0U - static_cast<uint32_t>(difference) : static_cast<uint32_t>(difference);
    const uint32_t header = network_header_size(skb);
    if ((flags & ~known) != 0) return answer(-EINVAL);
    if (count > most) return answer(-EFAULT);
    if (header == 0) return answer(-abi::enotsupp);
    if (mode != BPF_ADJ_ROOM_MAC && mode != BPF_ADJ_ROOM_NET) return answer(-abi::enotsupp);
    const auto start = static_cast<uint32_t>(skb.data - skb.head);
    const uint32_t network = skb.network_header - start;
    const uint32_t offset = network + (mode == BPF_ADJ_ROOM_NET ? header : 0);
    if (difference < 0) {
        if (skb.len < network + count || skb.len - network - count < header || offset + count > skb.len) return answer(-abi::enotsupp);
        buffer::close_gap(skb, offset, count);
        skb.network_header = static_cast<uint16_t>(skb.network_header + count);
        return 0;
    }
    if (uint64_t{skb.len} + count > largest) return answer(-abi::enotsupp);
    if (!buffer::open_gap(skb, offset, count)) return answer(-ENOMEM);
    skb.network_header = static_cast<uint16_t>(skb.network_header - count);
    return 0;
}

// An IPv4 header becomes an IPv6 header or the other way round; the program fills it.
uint64_t change_proto(uint64_t context, uint64_t protocol, uint64_t flags, uint64_t, uint64_t) {
    constexpr uint32_t difference = 20;
    abi::sk_buff& skb = skb_of(context);
    const auto wanted = static_cast<uint16_t>(protocol);
    const uint32_t network = skb.network_header - static_cast<uint32_t>(skb.data - skb.head);
    if (flags != 0) return answer(-EINVAL);
    if (skb.protocol == htons(ETH_P_IP) && wanted == htons(ETH_P_IPV6)) {
        if (!buffer::open_gap(skb, network, difference)) return answer(-ENOMEM);
        skb.network_header = static_cast<uint16_t>(skb.network_header - difference);
    } else if (skb.protocol == htons(ETH_P_IPV6) && wanted == htons(ETH_P_IP)) {
        if (buffer::at(skb, network, difference) == nullptr) return answer(-ENOMEM);
        buffer::close_gap(skb, network, difference);
        skb.network_header = static_cast<uint16_t>(skb.network_header + difference);
    } else {
        return answer(-abi::enotsupp);
    }
    skb.protocol = wanted;
    skb.hash = 0;
    return 0;
}

// --- fields ------------------------------------------------------------------------------------------------------------------------------

uint64_t change_type(uint64_t context, uint64_t type, uint64_t, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    if (static_cast<uint32_t>(type) > PACKET_OTHERHOST || skb.pkt_type > PACKET_OTHERHOST) return answer(-EINVAL);
    skb.pkt_type = static_cast<uint8_t>(type);
    return 0;
}

uint64_t get_hash_recalc(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) { return skb_of(context).hash; }
uint64_t set_hash_invalid(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) {
    skb_of(context).hash = 0;
    return 0;
}
uint64_t set_hash(uint64_t context, uint64_t hash, uint64_t, uint64_t, uint64_t) {
    skb_of(context).hash = static_cast<uint32_t>(hash);
    return 0;
}

uint64_t set_tstamp(uint64_t context, uint64_t time, uint64_t type, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    if (network_header_size(skb) == 0) return answer(-EOPNOTSUPP);
    const bool delivery = static_cast<uint32_t>(type) == BPF_SKB_TSTAMP_DELIVERY_MONO;
    if (static_cast<uint32_t>(type) > BPF_SKB_TSTAMP_DELIVERY_MONO || delivery == (time == 0)) return answer(-EINVAL);
    skb.tstamp = time;
    skb.tstamp_type = delivery ? 1 : 0;
    return 0;
}

// Marks a frame whose sender understands congestion notification; 1: it is marked.
uint64_t ecn_set_ce(uint64_t context, uint64_t, uint64_t, uint64_t, uint64_t) {
    abi::sk_buff& skb = skb_of(context);
    unsigned char* const header =
        buffer::at(skb, skb.network_header - static_cast<uint64_t>(skb.data - skb.head), network_header_size(skb));
    if (skb.protocol == htons(ETH_P_IPV6)) {
        if (header == nullptr || (header[1] & 0x30) == 0) return 0;
        header[1] |= 0x30;
        return 1;
    }
    if (skb.protocol != htons(ETH_P_IP) || header == nullptr || (header[1] & 3) == 0) return 0;
    const auto old_word = static_cast<uint16_t>(header[0] | header[1] << 8);
    header[1] |= 3;
    const auto new_word = static_cast<uint16_t>(header[0] | header[1] << 8);
    uint16_t check;
    std::memcpy(&check, header + 10, sizeof check);
    check = static_cast<uint16_t>(~fold(uint64_t{static_cast<uint16_t>(~check)} + static_cast<uint16_t>(~old_word) + new_word));
    std::memcpy(header + 10, &check, sizeof check);
    return 1;
}

// No socket, no cgroup, no route and no tunnel is behind a frame of graft's.
uint64_t zero(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }
uint64_t nobody(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return overflow_uid; }
uint64_t no_tunnel(uint64_t, uint64_t to, uint64_t size, uint64_t, uint64_t) {
    std::memset(pointer_in<void>(to), 0, static_cast<uint32_t>(size));
    return answer(-EINVAL);
}
// Where a frame would go that leaves by a tunnel device: what is asked is checked, as on Linux.
uint64_t set_tunnel_key(uint64_t, uint64_t, uint64_t size, uint64_t flags, uint64_t) {
    constexpr uint64_t no_tunnel_key = 16;  // BPF_F_NO_TUNNEL_KEY, after 6.1
    constexpr uint64_t known = uint64_t{BPF_F_TUNINFO_IPV6} | BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT | BPF_F_SEQ_NUMBER | no_tunnel_key;
    const auto given = static_cast<uint32_t>(size);
    const bool older = given == offsetof(bpf_tunnel_key, local_ipv4) || given == offsetof(bpf_tunnel_key, tunnel_label) ||
                       given == offsetof(bpf_tunnel_key, tunnel_ext) || given == offsetof(bpf_tunnel_key, remote_ipv6[1]);
    if ((flags & ~known) != 0 || (given != sizeof(bpf_tunnel_key) && !older)) return answer(-EINVAL);
    return 0;
}
uint64_t no_tunnel_option(uint64_t, uint64_t to, uint64_t size, uint64_t, uint64_t) {
    std::memset(pointer_in<void>(to), 0, static_cast<uint32_t>(size));
    return answer(-ENOENT);
}

constexpr const char* no_sockets = "sockets are the host's: there is none behind a frame";
constexpr const char* no_cgroups = "there are no cgroups: 0";
constexpr const char* no_tunnels = "no frame of graft's comes through a tunnel device";

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_skb_load_bytes,
     .name = "bpf_skb_load_bytes",
     .function = load_bytes,
     .args = {Arg::ctx, Arg::anything, Arg::mem_write, Arg::const_size}},
    {.id = BPF_FUNC_skb_load_bytes_relative,
     .name = "bpf_skb_load_bytes_relative",
     .function = load_bytes_relative,
     .args = {Arg::ctx, Arg::anything, Arg::mem_write, Arg::const_size, Arg::anything}},
    {.id = BPF_FUNC_skb_store_bytes,
     .name = "bpf_skb_store_bytes",
     .function = store_bytes,
     .args = {Arg::ctx, Arg::anything, Arg::mem_read, Arg::const_size, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_skb_pull_data,
     .name = "bpf_skb_pull_data",
     .function = pull_data,
     .args = {Arg::ctx, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_l3_csum_replace,
     .name = "bpf_l3_csum_replace",
     .function = l3_csum_replace,
     .args = {Arg::ctx, Arg::anything, Arg::anything, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_l4_csum_replace,
     .name = "bpf_l4_csum_replace",
     .function = l4_csum_replace,
     .args = {Arg::ctx, Arg::anything, Arg::anything, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_csum_update, .name = "bpf_csum_update", .function = csum_update, .args = {Arg::ctx, Arg::anything}},
    {.id = BPF_FUNC_csum_level, .name = "bpf_csum_level", .function = csum_level, .args = {Arg::ctx, Arg::anything}},
    {.id = BPF_FUNC_skb_vlan_push,
     .name = "bpf_skb_vlan_push",
     .function = vlan_push,
     .args = {Arg::ctx, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_skb_vlan_pop, .name = "bpf_skb_vlan_pop", .function = vlan_pop, .args = {Arg::ctx}, .changes_packet = true},
    {.id = BPF_FUNC_skb_change_tail,
     .name = "bpf_skb_change_tail",
     .function = change_tail,
     .args = {Arg::ctx, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_skb_change_head,
     .name = "bpf_skb_change_head",
     .function = change_head,
     .args = {Arg::ctx, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_skb_adjust_room,
     .name = "bpf_skb_adjust_room",
     .function = adjust_room,
     .args = {Arg::ctx, Arg::anything, Arg::anything, Arg::anything},
     .changes_packet = true,
     .partly = "no BPF_F_ADJ_ROOM_DECAP_*"},
    {.id = BPF_FUNC_skb_change_proto,
     .name = "bpf_skb_change_proto",
     .function = change_proto,
     .args = {Arg::ctx, Arg::anything, Arg::anything},
     .changes_packet = true},
    {.id = BPF_FUNC_skb_change_type, .name = "bpf_skb_change_type", .function = change_type, .args = {Arg::ctx, Arg::anything}},
    {.id = BPF_FUNC_get_hash_recalc, .name = "bpf_get_hash_recalc", .function = get_hash_recalc, .args = {Arg::ctx}},
    {.id = BPF_FUNC_set_hash_invalid, .name = "bpf_set_hash_invalid", .function = set_hash_invalid, .args = {Arg::ctx}},
    {.id = BPF_FUNC_set_hash, .name = "bpf_set_hash", .function = set_hash, .args = {Arg::ctx, Arg::anything}},
    {.id = BPF_FUNC_skb_set_tstamp, .name = "bpf_skb_set_tstamp", .function = set_tstamp, .args = {Arg::ctx, Arg::anything, Arg::anything}},
    {.id = BPF_FUNC_skb_ecn_set_ce, .name = "bpf_skb_ecn_set_ce", .function = ecn_set_ce, .args = {Arg::ctx}},
    {.id = BPF_FUNC_get_cgroup_classid, .name = "bpf_get_cgroup_classid", .function = zero, .args = {Arg::ctx}, .partly = no_cgroups},
    {.id = BPF_FUNC_skb_cgroup_id, .name = "bpf_skb_cgroup_id", .function = zero, .args = {Arg::ctx}, .partly = no_cgroups},
    {.id = BPF_FUNC_skb_ancestor_cgroup_id,
     .name = "bpf_skb_ancestor_cgroup_id",
     .function = zero,
     .args = {Arg::ctx, Arg::anything},
     .partly = no_cgroups},
    {.id = BPF_FUNC_skb_cgroup_classid, .name = "bpf_skb_cgroup_classid", .function = zero, .args = {Arg::ctx}, .partly = no_cgroups},
    {.id = BPF_FUNC_get_route_realm,
     .name = "bpf_get_route_realm",
     .function = zero,
     .args = {Arg::ctx},
     .partly = "routes are the host's: 0"},
    {.id = BPF_FUNC_get_socket_cookie, .name = "bpf_get_socket_cookie", .function = zero, .args = {Arg::ctx}, .partly = no_sockets},
    {.id = BPF_FUNC_get_socket_uid, .name = "bpf_get_socket_uid", .function = nobody, .args = {Arg::ctx}, .partly = no_sockets},
    {.id = BPF_FUNC_skb_get_tunnel_key,
     .name = "bpf_skb_get_tunnel_key",
     .function = no_tunnel,
     .args = {Arg::ctx, Arg::mem_write, Arg::const_size, Arg::anything},
     .partly = no_tunnels},
    {.id = BPF_FUNC_skb_set_tunnel_key,
     .name = "bpf_skb_set_tunnel_key",
     .function = set_tunnel_key,
     .args = {Arg::ctx, Arg::mem_read, Arg::const_size, Arg::anything},
     .partly = "no frame of graft's leaves by a tunnel device"},
    {.id = BPF_FUNC_skb_get_tunnel_opt,
     .name = "bpf_skb_get_tunnel_opt",
     .function = no_tunnel_option,
     .args = {Arg::ctx, Arg::mem_write, Arg::const_size},
     .partly = no_tunnels},
});

}  // namespace

std::span<const Helper> skb_helpers() { return rows; }

}  // namespace graft
