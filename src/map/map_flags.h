// Rules of BPF_MAP_CREATE that several map types share.
#pragma once

#include "base/result.h"
#include "map/map.h"

namespace graft {

inline constexpr uint32_t map_access_flags = BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG;

// The largest piece of memory that Linux gives out at once, where a value must lie in one.
inline constexpr uint32_t max_allocation = 4U << 20;

// The largest value that Linux's per-CPU allocator gives out.
inline constexpr uint32_t max_percpu_value = 32768;

inline Result<void> check_program_access(uint32_t flags) {
    constexpr uint32_t both = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
    if ((flags & both) == both) return fail(EINVAL, "BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
    return {};
}

inline Result<void> check_percpu_value(uint32_t value_size) {
    if (((uint64_t{value_size} + 7) & ~uint64_t{7}) > max_percpu_value) return fail(E2BIG, "a per-CPU value is at most 32768 bytes");
    return {};
}

// What the program face answers, as the syscall face does.
inline Result<void> as_result(long answer) {
    if (answer == 0) return {};
    switch (-answer) {
        case E2BIG:
            return fail(E2BIG, "the map is full, or the index not below max_entries");
        case EEXIST:
            return fail(EEXIST, "BPF_NOEXIST was given and the element exists");
        case ENOENT:
            return fail(ENOENT, "there is no such element");
        case ENOMEM:
            return fail(ENOMEM, "no memory for the element");
        default:
            return fail(static_cast<int>(-answer));
    }
}

}  // namespace graft
