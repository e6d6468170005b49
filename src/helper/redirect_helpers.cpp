// bpf_redirect and bpf_redirect_map of XDP programs: they note the target in the RunContext, and the hook acts on it when the program
// returns XDP_REDIRECT.

#include <array>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"
#include "map/devmap.h"

namespace graft {
namespace {

constexpr uint64_t action_bits = XDP_ABORTED | XDP_DROP | XDP_PASS | XDP_TX;
constexpr uint64_t devmap_flags = BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS;

uint64_t redirect(uint64_t ifindex, uint64_t flags, uint64_t, uint64_t, uint64_t) {
    if (flags != 0) return XDP_ABORTED;
    current_run()->redirect = {};
    current_run()->redirect.ifindex = static_cast<uint32_t>(ifindex);
    return XDP_REDIRECT;
}

// Without a target the lowest bits of `flags` say what the program gets.
uint64_t redirect_map(uint64_t map, uint64_t key, uint64_t flags, uint64_t, uint64_t) {
    auto* const devmap = static_cast<DevmapMap*>(pointer_in<Map>(map));  // the verifier lets no other type in
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

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_redirect,
     .name = "bpf_redirect",
     .function = redirect,
     .args = {Arg::anything, Arg::anything},
     .partly = "as XDP programs call it"},
    {.id = BPF_FUNC_redirect_map,
     .name = "bpf_redirect_map",
     .function = redirect_map,
     .args = {Arg::const_map_ptr, Arg::anything, Arg::anything},
     .partly = "devmaps"},
});

}  // namespace

std::span<const Helper> redirect_helpers() { return rows; }

}  // namespace graft
