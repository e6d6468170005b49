// What an interface knows of a packet beside its bytes: kernel functions for programs that are bound to one.
//
// graft's interfaces know nothing: ENODATA, as Linux's veth answers for frames that were redirected to it.

#include <array>
#include <cerrno>

#include "helper/kfuncs.h"

namespace graft {
namespace {

uint64_t no_data(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return static_cast<uint64_t>(int64_t{-ENODATA}); }

constexpr const char* always = "ENODATA: graft's interfaces know nothing of a packet";

constexpr auto kfunc_rows = std::to_array<Helper>({
    {.id = metadata_kfunc,
     .name = "bpf_xdp_metadata_rx_timestamp",
     .function = no_data,
     .args = {Arg::ctx, Arg::long_ptr},
     .partly = always},
    {.id = metadata_kfunc + 1,
     .name = "bpf_xdp_metadata_rx_hash",
     .function = no_data,
     .args = {Arg::ctx, Arg::int_ptr, Arg::int_ptr},
     .partly = always},
    {.id = metadata_kfunc + 2,
     .name = "bpf_xdp_metadata_rx_vlan_tag",
     .function = no_data,
     .args = {Arg::ctx, Arg::short_ptr, Arg::short_ptr},
     .partly = always},
});

}  // namespace

std::span<const Helper> metadata_kfuncs() { return kfunc_rows; }

bool wants_bound_device(const Helper& kfunc) { return kfunc.function == no_data; }

}  // namespace graft
