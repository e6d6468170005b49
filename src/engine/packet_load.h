// What BPF_LD with BPF_ABS or BPF_IND reads: a number in network byte order, out of the packet of the socket buffer in R6.
//
// Offsets count from the buffer's data; those near SKF_NET_OFF and SKF_LL_OFF from the network and the link-layer header.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/kernel_types.h"

namespace graft {

// size: 1, 2 or 4 bytes.  Nothing: it does not lie in the packet; the function that asks ends then, and returns 0.
[[nodiscard]] std::optional<uint64_t> load_from_packet(const abi::sk_buff& skb, int32_t offset, uint32_t size);

}  // namespace graft
