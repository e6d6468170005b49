#include "helper/skb_buffer.h"

#include <cstring>

namespace graft::skb_buffer {

unsigned char* at(abi::sk_buff& skb, uint64_t offset, uint64_t size) {
    return offset > skb.len || size > skb.len - offset ? nullptr : skb.data + offset;
}

void refresh(abi::sk_buff& skb) {
    auto& control = *reinterpret_cast<abi::skb_control*>(skb.cb);
    control.data_meta = skb.data;
    control.data_end = skb.data + skb.len;
}

bool open_gap(abi::sk_buff& skb, uint32_t offset, uint32_t count) {
    if (offset > skb.len || static_cast<uint64_t>(skb.data - skb.head) < count) return false;
    std::memmove(skb.data - count, skb.data, offset);
    skb.data -= count;
    skb.len += count;
    skb.mac_header = static_cast<uint16_t>(skb.mac_header - count);
    std::memset(skb.data + offset, 0, count);
    refresh(skb);
    return true;
}

void close_gap(abi::sk_buff& skb, uint32_t offset, uint32_t count) {
    std::memmove(skb.data + count, skb.data, offset);
    skb.data += count;
    skb.len -= count;
    skb.mac_header = static_cast<uint16_t>(skb.mac_header + count);
    refresh(skb);
}

bool set_length(abi::sk_buff& skb, uint32_t length) {
    const auto start = static_cast<uint32_t>(skb.data - skb.head);
    if (uint64_t{start} + length > skb.end) return false;
    if (length > skb.len) std::memset(skb.data + skb.len, 0, length - skb.len);
    skb.len = length;
    skb.tail = start + length;
    refresh(skb);
    return true;
}

}  // namespace graft::skb_buffer
