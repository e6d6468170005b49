// What LD_ABS and LD_IND become: calls of operations that no program can name.
#pragma once

#include <cstdint>
#include <span>

#include "helper/helper.h"

namespace graft {

// f(sk_buff, offset): the 8, 16 or 32 bits at the offset from the frame's start, in host order, or -EFAULT.  Offsets from SKF_NET_OFF and
// SKF_LL_OFF on (linux/filter.h) count from the network and the link-layer header.
inline constexpr uint32_t op_skb_load_8 = 0x10000, op_skb_load_16 = 0x10001, op_skb_load_32 = 0x10002;

[[nodiscard]] std::span<const Helper> skb_load_operations();

}  // namespace graft
