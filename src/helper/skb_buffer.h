// What the helpers on socket buffers share: an abi::sk_buff in one piece of memory, which grows and shrinks at both ends.
#pragma once

#include <cstdint>

#include "abi/kernel_types.h"

namespace graft::skb_buffer {

// The first byte of [offset, offset + size) of the frame; null: not all of it is there.
[[nodiscard]] unsigned char* at(abi::sk_buff& skb, uint64_t offset, uint64_t size);

// After the frame moved: what direct packet access sees.
void refresh(abi::sk_buff& skb);

// Makes room of `count` zeroed bytes at `offset` by moving what is in front of it towards the head.  False: no room, nothing changed.
[[nodiscard]] bool open_gap(abi::sk_buff& skb, uint32_t offset, uint32_t count);
// Takes them out again.
void close_gap(abi::sk_buff& skb, uint32_t offset, uint32_t count);
// At the end; bytes that come are zero.  False: no room.
[[nodiscard]] bool set_length(abi::sk_buff& skb, uint32_t length);

}  // namespace graft::skb_buffer
