#include "engine/packet_load.h"

#include <linux/filter.h>

namespace graft {
namespace {

// From `head`; negative when there is no such place.
int64_t position(const abi::sk_buff& skb, int32_t offset) {
    if (offset >= 0) return skb.data - skb.head + int64_t{offset};
    if (offset >= SKF_NET_OFF) return int64_t{skb.network_header} + offset - SKF_NET_OFF;
    if (offset >= SKF_LL_OFF) return int64_t{skb.mac_header} + offset - SKF_LL_OFF;
    return -1;
}

}  // namespace

std::optional<uint64_t> load_from_packet(const abi::sk_buff& skb, int32_t offset, uint32_t size) {
    const int64_t at = position(skb, offset);
    const int64_t end = skb.data - skb.head + int64_t{skb.len};
    if (at < 0 || at + size > end) return std::nullopt;
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; ++i) value = value << 8 | skb.head[at + i];
    return value;
}

}  // namespace graft
