// Spans of bytes, and fields read from them without alignment or aliasing assumptions.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace graft {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

template <class T>
    requires std::is_trivially_copyable_v<T>
[[nodiscard]] Bytes bytes_of(const T& value) {
    return std::as_bytes(std::span<const T, 1>(&value, 1));
}
template <class T>
    requires(std::is_trivially_copyable_v<T> && !std::is_const_v<T>)
[[nodiscard]] MutableBytes writable_bytes_of(T& value) {
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

// Every byte zero.  T{} need not do so: of a union it sets the first member, and padding is left as it was.
template <class T>
    requires std::is_trivially_copyable_v<T>
[[nodiscard]] T zeroed() {
    T value;
    std::memset(&value, 0, sizeof value);
    return value;
}

// The T at `offset`, or nothing when it does not lie wholly inside.
template <class T>
    requires std::is_trivially_copyable_v<T>
[[nodiscard]] std::optional<T> read_at(Bytes bytes, size_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

}  // namespace graft
