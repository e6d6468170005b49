#include "helper/skb_load.h"

#include <arpa/inet.h>
#include <linux/filter.h>

#include <cerrno>
#include <cstring>

#include "abi/kernel_types.h"

namespace graft {
namespace {

// Where `size` bytes at the offset are; null: not all of them are in the frame.
const unsigned char* locate(const abi::sk_buff& skb, int32_t offset, size_t size) {
    const int64_t tail = skb.tail;  // as the positions below: from head
    int64_t at = skb.data - skb.head + int64_t{offset};
    if (offset < 0) {
        if (offset >= SKF_NET_OFF) {
            at = int64_t{skb.network_header} + offset - SKF_NET_OFF;
        } else if (offset >= SKF_LL_OFF) {
            at = int64_t{skb.mac_header} + offset - SKF_LL_OFF;
        } else {
            return nullptr;
        }
    }
    if (at < 0 || at + static_cast<int64_t>(size) > tail) return nullptr;
    return skb.head + at;
}

uint16_t to_host(uint16_t value) { return ntohs(value); }
uint32_t to_host(uint32_t value) { return ntohl(value); }
uint8_t to_host(uint8_t value) { return value; }

template <class T>
uint64_t load(uint64_t context, uint64_t offset, uint64_t, uint64_t, uint64_t) {
    const auto* bytes = locate(*reinterpret_cast<const abi::sk_buff*>(context), static_cast<int32_t>(offset), sizeof(T));
    if (bytes == nullptr) return static_cast<uint64_t>(-int64_t{EFAULT});
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return to_host(value);
}

constexpr Helper rows[] = {
    {.id = op_skb_load_8, .name = "skb_load_8", .function = load<uint8_t>, .args = {Arg::ctx, Arg::anything}},
    {.id = op_skb_load_16, .name = "skb_load_16", .function = load<uint16_t>, .args = {Arg::ctx, Arg::anything}},
    {.id = op_skb_load_32, .name = "skb_load_32", .function = load<uint32_t>, .args = {Arg::ctx, Arg::anything}},
};

}  // namespace

std::span<const Helper> skb_load_operations() { return rows; }

}  // namespace graft
