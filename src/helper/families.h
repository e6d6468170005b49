// The families of helpers, and what their files share.  helpers.cpp joins the rows.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>

#include "helper/helper.h"

namespace graft {

[[nodiscard]] std::span<const Helper> map_helpers();
[[nodiscard]] std::span<const Helper> task_helpers();
[[nodiscard]] std::span<const Helper> time_helpers();
[[nodiscard]] std::span<const Helper> lock_helpers();
[[nodiscard]] std::span<const Helper> memory_helpers();
[[nodiscard]] std::span<const Helper> text_helpers();
[[nodiscard]] std::span<const Helper> checksum_helpers();
[[nodiscard]] std::span<const Helper> tail_call_helpers();
[[nodiscard]] std::span<const Helper> xdp_helpers();
[[nodiscard]] std::span<const Helper> redirect_helpers();
[[nodiscard]] std::span<const Helper> skb_helpers();
[[nodiscard]] std::span<const Helper> socket_helpers();
[[nodiscard]] std::span<const Helper> ringbuf_helpers();
[[nodiscard]] std::span<const Helper> dynptr_helpers();
[[nodiscard]] std::span<const Helper> trace_helpers();
[[nodiscard]] std::span<const Helper> output_helpers();
[[nodiscard]] std::span<const Helper> callback_helpers();
[[nodiscard]] std::span<const Helper> timer_helpers();
[[nodiscard]] std::span<const Helper> client_helpers();

// A helper's register as what Linux's prototype says it is.
template <class T>
[[nodiscard]] T* pointer_in(uint64_t reg) {
    return reinterpret_cast<T*>(reg);
}
// An answer in R0: a value, or -errno.
[[nodiscard]] inline uint64_t answer(int64_t value) { return static_cast<uint64_t>(value); }

}  // namespace graft
