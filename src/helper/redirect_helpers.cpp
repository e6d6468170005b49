// bpf_redirect and bpf_redirect_map of XDP programs: they note the target in the RunContext, and the hook acts on it when the program
// returns XDP_REDIRECT.

#include <linux/pkt_cls.h>

#include <array>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/cpumap.h"
#include "map/devmap.h"

namespace graft {
namespace {

constexpr const char* no_hook = "answers as on Linux, but no frame goes anywhere: there is no tc hook";
constexpr uint64_t action_bits = XDP_ABORTED | XDP_DROP | XDP_PASS | XDP_TX;
constexpr uint64_t devmap_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS;

uint64_t redirect(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t) {
    if (current_run()->frame_is_skb) return (flags & ~uint64_t{BPF_F_INGRESS}) != 0 ? TC_ACT_SHOT : TC_ACT_REDIRECT;
    if (flags != 0) return XDP_ABORTED;
    current_run()->redirect = {};
    current_run()->redirect.ifindex = static_cast<uint32_t>(ifindex);
    return XDP_REDIRECT;
}

// Without a target the lowest bits of `flags` say what the program gets.
uint64_t redirect_to_cpu(CpumapMap& cpumap, uint32_t cpu, uint64_t flags) {
    if ((flags & ~action_bits) != 0) return XDP_ABORTED;
    RedirectTarget& target = current_run()->redirect;
    target = {};
    const CpumapEntry* const entry = cpumap.entry(cpu);
    if (entry == nullptr) return flags & action_bits;
    target.map = &cpumap;
    target.program = entry->program.get();
    return XDP_REDIRECT;
}

uint64_t redirect_map(uint64_t map, uint64_t key, uint64_t flags, uint64_t, uint64_t) {
    Map* const any = pointer_in<Map>(map);
    const uint32_t type = any->spec().type;
    if (type == BPF_MAP_TYPE_CPUMAP) return redirect_to_cpu(static_cast<CpumapMap&>(*any), static_cast<uint32_t>(key), flags);
    if (type == BPF_MAP_TYPE_XSKMAP) return (flags & ~action_bits) != 0 ? uint64_t{XDP_ABORTED} : flags & action_bits;  // always empty
    auto* const devmap = static_cast<DevmapMap*>(any);  // the verifier lets no other type in
    RedirectTarget& target = current_run()->redirect;
    if ((flags & ~(action_bits | devmap_flags)) != 0) return XDP_ABORTED;
    target = {};
    if ((flags & BPF_F_BROADCAST) != 0) {
        target.map = devmap;
        target.flags = flags & devmap_flags;
        return XDP_REDIRECT;
    }
    const DevmapEntry* const entry = devmap->entry(static_cast<uint32_t>(key));
    if (entry == nullptr) return flags & action_bits;
    target.ifindex = entry->value.ifindex;
    target.netns_cookie = entry->netns_cookie;
    target.map = devmap;
    target.program = entry->program.get();
    return XDP_REDIRECT;
}

// Of tc programs, to a neighbour or to the other end of a pair.
uint64_t redirect_neigh(uint64_t, uint64_t parameters, uint64_t size, uint64_t flags, uint64_t) {
    const bool bad_parameters = size != 0 && (static_cast<uint32_t>(size) < sizeof(bpf_redir_neigh) || parameters == 0);
    return bad_parameters || flags != 0 ? TC_ACT_SHOT : TC_ACT_REDIRECT;
}
uint64_t redirect_peer(uint64_t, uint64_t flags, uint64_t, uint64_t, uint64_t) { return flags != 0 ? TC_ACT_SHOT : TC_ACT_REDIRECT; }

// May a frame of this size, changed by `difference`, leave by a device?  Known is the one that it came by.
struct OwnDevice {
    const abi::net_device* device;
    uint64_t length;
};
OwnDevice own_device(uint64_t context) {
    if (current_run()->frame_is_skb) {
        const auto& skb = *pointer_in<const abi::sk_buff>(context);
        return {skb.dev, skb.len};
    }
    const auto& frame = *pointer_in<const abi::xdp_buff>(context);
    return {frame.rxq->dev, static_cast<uint64_t>(static_cast<const char*>(frame.data_end) - static_cast<const char*>(frame.data))};
}
uint64_t check_mtu(uint64_t context, uint64_t ifindex, uint64_t length, uint64_t difference, uint64_t flags) {
    constexpr uint32_t link_header = 14;
    const OwnDevice own = own_device(context);
    auto& mtu = *pointer_in<uint32_t>(length);
    if ((flags & ~uint64_t{BPF_MTU_CHK_SEGS}) != 0 || (flags != 0 && !current_run()->frame_is_skb)) return answer(-EINVAL);
    const auto wanted = static_cast<uint32_t>(ifindex);
    if (own.device == nullptr || (wanted != 0 && static_cast<int32_t>(wanted) != own.device->ifindex)) return answer(-ENODEV);
    const int64_t size = (mtu != 0 ? int64_t{mtu} + link_header : static_cast<int64_t>(own.length)) + static_cast<int32_t>(difference);
    mtu = own.device->mtu;
    return size <= int64_t{own.device->mtu} + link_header ? BPF_MTU_CHK_RET_SUCCESS : BPF_MTU_CHK_RET_FRAG_NEEDED;
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_redirect,
     .name = "bpf_redirect",
     .function = redirect,
     .args = {Arg::anything, Arg::anything},
     .partly = "of tc programs it answers as on Linux, but no frame goes anywhere: there is no tc hook"},
    {.id = BPF_FUNC_redirect_neigh,
     .name = "bpf_redirect_neigh",
     .function = redirect_neigh,
     .args = {Arg::anything, Arg::mem_read_or_null, Arg::const_size_or_zero, Arg::anything},
     .partly = no_hook},
    {.id = BPF_FUNC_redirect_peer,
     .name = "bpf_redirect_peer",
     .function = redirect_peer,
     .args = {Arg::anything, Arg::anything},
     .partly = no_hook},
    {.id = BPF_FUNC_check_mtu,
     .name = "bpf_check_mtu",
     .function = check_mtu,
     .args = {Arg::ctx, Arg::anything, Arg::int_ptr, Arg::anything, Arg::anything},
     .partly = "of the device that the frame came by"},
    {.id = BPF_FUNC_redirect_map,
     .name = "bpf_redirect_map",
     .function = redirect_map,
     .args = {Arg::const_map_ptr, Arg::anything, Arg::anything},
     .partly = "devmaps and cpumaps"},
});

}  // namespace

std::span<const Helper> redirect_helpers() { return rows; }

}  // namespace graft
