// The hash of a key: folded 64 x 64 multiplications with a secret seed.
//
// Keys are read in 4-byte pieces: programs put a key together on the stack from small stores, and a wider load of bytes just stored in
// pieces stalls.  Not for cryptography; the seed keeps clients from choosing colliding keys blindly.
#pragma once

#include <cstdint>
#include <cstring>

namespace graft {

inline constexpr uint64_t hash_factor = 0x9fb21c651e98df25;  // odd, with no pattern in its bits
inline constexpr uint64_t hash_salt = 0xd6e8feb86659fd93;

[[nodiscard]] inline uint64_t fold_multiply(uint64_t a, uint64_t b) {
    __extension__ using uint128 = unsigned __int128;
    const uint128 product = static_cast<uint128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

[[nodiscard]] inline uint32_t key_word(const void* key, size_t index) {
    uint32_t word;
    std::memcpy(&word, static_cast<const std::byte*>(key) + index * 4, 4);
    return word;
}

// A key of `words` whole 4-byte words; a constant `words` makes it straight-line code.
[[nodiscard]] inline uint64_t hash_words(const void* key, size_t words, uint64_t seed) {
    uint64_t state = seed;
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        const uint64_t a = key_word(key, i) | uint64_t{key_word(key, i + 1)} << 32;
        const uint64_t b = key_word(key, i + 2) | uint64_t{key_word(key, i + 3)} << 32;
        state = fold_multiply(a ^ state, b ^ hash_factor);
    }
    uint64_t a = hash_salt ^ words, b = 0;
    if (i < words) a ^= key_word(key, i);
    if (i + 1 < words) a ^= uint64_t{key_word(key, i + 1)} << 32;
    if (i + 2 < words) b = key_word(key, i + 2);
    return fold_multiply(a ^ state, (b << 32 | b) ^ state ^ hash_factor);
}

[[nodiscard]] inline uint64_t hash_bytes(const void* key, size_t size, uint64_t seed) {
    const uint64_t state = hash_words(key, size / 4, seed);
    if (size % 4 == 0) return state;
    uint32_t rest = 0;
    std::memcpy(&rest, static_cast<const std::byte*>(key) + size / 4 * 4, size % 4);
    return fold_multiply(state ^ rest, hash_factor + size);
}

}  // namespace graft
