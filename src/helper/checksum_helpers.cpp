// bpf_csum_diff: by how much an Internet checksum changes when some bytes are replaced by others.

#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "helper/families.h"

namespace graft {
namespace {

constexpr uint32_t most_bytes = 512;  // of both together, as in Linux 6.12

uint64_t sum_words(const void* from, uint32_t size, uint32_t invert) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < size; i += 4) {
        uint32_t word;
        std::memcpy(&word, static_cast<const std::byte*>(from) + i, sizeof word);
        sum += word ^ invert;
    }
    return sum;
}

uint64_t csum_diff(uint64_t from, uint64_t from_size, uint64_t to, uint64_t to_size, uint64_t seed) {
    const auto old_size = static_cast<uint32_t>(from_size), new_size = static_cast<uint32_t>(to_size);
    if ((old_size | new_size) % 4 != 0 || uint64_t{old_size} + new_size > most_bytes) return answer(-EINVAL);
    uint64_t sum = static_cast<uint32_t>(seed);
    sum += sum_words(pointer_in<const void>(from), old_size, UINT32_MAX);
    sum += sum_words(pointer_in<const void>(to), new_size, 0);
    // One's complement, 32 bits: carries come back in.
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return sum;
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_csum_diff,
     .name = "bpf_csum_diff",
     .function = csum_diff,
     .args = {Arg::mem_read_or_null, Arg::const_size_or_zero, Arg::mem_read_or_null, Arg::const_size_or_zero, Arg::anything},
     .packet_access = true},
});

}  // namespace

std::span<const Helper> checksum_helpers() { return rows; }

}  // namespace graft
