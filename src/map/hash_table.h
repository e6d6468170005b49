// HashTable: from keys to elements.  What an element holds behind its key is the map's matter.
//
// A bucket is one cache line: six slots, a tag byte for each, and the way to an overflow bucket.  A lookup compares the six tags at once,
// takes no lock and writes nothing.  An element never moves from its slot, so a lookup finds each key that is there throughout.
//
// Thread safety: find(), next() from any thread inside an rcu::ReadGuard.  Changes go through a Locked bucket.  The table never grows: it
// is made for max_entries, and overflow buckets, once needed, stay.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "map/element_pool.h"
#include "map/hash_function.h"
#include "map/memory.h"

namespace graft {

class HashTable {
    static constexpr uint32_t slots = 6;
    struct alignas(64) Bucket {
        std::atomic<uint64_t> control{0};  // tags of the slots, from the lowest byte; 0: empty.  The highest bit: locked
        std::array<std::atomic<Element*>, slots> slot{};
        std::atomic<Bucket*> next{nullptr};
    };
    static_assert(sizeof(Bucket) == 64);
    static constexpr uint64_t locked_bit = uint64_t{1} << 63;

public:
    static Result<std::unique_ptr<HashTable>> create(uint32_t max_entries, uint32_t key_size, uint64_t seed);

    [[nodiscard]] uint64_t hash(const void* key) const;
    [[nodiscard]] uint32_t bucket_count() const { return static_cast<uint32_t>(mask_ + 1); }
    [[nodiscard]] uint32_t bucket_of(uint64_t hash) const { return static_cast<uint32_t>(hash & mask_); }
    [[nodiscard]] uint64_t memory() const { return buckets_.size() + overflow_bytes_.load(std::memory_order_relaxed); }

    // Words: the key's size in 4-byte words when it is known where this is compiled, else 0.
    template <size_t Words>
    [[nodiscard]] Element* find(const void* key) const;
    [[nodiscard]] Element* find(const void* key) const { return find<0>(key); }

    // A place in the order of iteration.
    struct Cursor {
        uint32_t bucket = 0;
        uint32_t position = 0;  // in the bucket and its overflow
    };
    // The first element at or after the cursor, which is moved to its place; null: none left (cursor.bucket is bucket_count()).
    [[nodiscard]] Element* next(Cursor& cursor) const;
    // Where `key` is, if it is there.
    [[nodiscard]] bool locate(const void* key, Cursor& cursor) const;

    // Exclusive access to one bucket.
    class Locked {
    public:
        Locked(HashTable& table, uint32_t bucket) : table_(table), head_(table.bucket(bucket)) { lock(*head_); }
        Locked(HashTable& table, uint32_t bucket, std::try_to_lock_t)
            : table_(table), head_(try_lock(*table.bucket(bucket)) ? table.bucket(bucket) : nullptr) {}
        ~Locked() {
            if (head_ != nullptr) unlock(*head_);
        }
        Locked(const Locked&) = delete;
        Locked& operator=(const Locked&) = delete;
        explicit operator bool() const { return head_ != nullptr; }

        [[nodiscard]] Element* find(const void* key, uint64_t hash);
        // Requires that its key is not there.  False: no memory.
        [[nodiscard]] bool insert(Element* element, uint64_t hash);
        // `fresh` has the key of `old`, which find() has just returned.
        void replace(Element* fresh);
        void remove();
        // The first element for which `want` is true, as find() would return it; null: none.
        template <class F>
        [[nodiscard]] Element* find_if(F&& want);

    private:
        HashTable& table_;
        Bucket* head_;
        Bucket* found_in_ = nullptr;
        uint32_t found_at_ = 0;
    };

private:
    HashTable(Memory buckets, uint64_t mask, uint32_t key_size, uint64_t seed)
        : buckets_(std::move(buckets)), mask_(mask), key_size_(key_size), seed_(seed) {}

    [[nodiscard]] Bucket* bucket(uint64_t index) const { return reinterpret_cast<Bucket*>(buckets_.get()) + index; }
    [[nodiscard]] static uint8_t tag_of(uint64_t hash) { return static_cast<uint8_t>(hash >> 57 | 0x80); }
    // A bit for each slot with that tag.
    [[nodiscard]] static uint32_t matches(uint64_t control, uint8_t tag);
    template <size_t Words>
    [[nodiscard]] bool equal(const void* a, const void* b) const;
    Bucket* add_overflow();

    static bool try_lock(Bucket& bucket);
    static void lock(Bucket& bucket);
    static void unlock(Bucket& bucket);

    Memory buckets_;
    uint64_t mask_;
    uint32_t key_size_;
    uint64_t seed_;
    std::mutex growth_;
    std::vector<std::unique_ptr<Bucket>> overflow_;  // under growth_
    std::atomic<uint64_t> overflow_bytes_{0};
};

inline uint32_t HashTable::matches(uint64_t control, uint8_t tag) {
#if defined(__SSE2__)
    const __m128i tags = _mm_cvtsi64_si128(static_cast<long long>(control));
    const __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8(static_cast<char>(tag)));
    return static_cast<uint32_t>(_mm_movemask_epi8(equal)) & ((1U << slots) - 1);
#else
    uint32_t result = 0;
    for (uint32_t i = 0; i < slots; ++i) result |= uint32_t{static_cast<uint8_t>(control >> (8 * i)) == tag} << i;
    return result;
#endif
}

template <size_t Words>
bool HashTable::equal(const void* a, const void* b) const {
    if constexpr (Words == 0) return std::memcmp(a, b, key_size_) == 0;
    uint32_t difference = 0;
    for (size_t i = 0; i < Words; ++i) difference |= key_word(a, i) ^ key_word(b, i);
    return difference == 0;
}

template <size_t Words>
Element* HashTable::find(const void* key) const {
    const uint64_t h = Words == 0 ? hash(key) : hash_words(key, Words, seed_);
    const uint8_t tag = tag_of(h);
    for (const Bucket* at = bucket(h & mask_); at != nullptr; at = at->next.load(std::memory_order_acquire)) {
        for (uint32_t candidates = matches(at->control.load(std::memory_order_acquire), tag); candidates != 0;
             candidates &= candidates - 1) {
            Element* const element = at->slot[static_cast<uint32_t>(std::countr_zero(candidates))].load(std::memory_order_acquire);
            if (element != nullptr && equal<Words>(element->key(), key)) [[likely]]
                return element;
        }
    }
    return nullptr;
}

template <class F>
Element* HashTable::Locked::find_if(F&& want) {
    for (Bucket* at = head_; at != nullptr; at = at->next.load(std::memory_order_relaxed)) {
        for (uint32_t i = 0; i < slots; ++i) {
            Element* const element = at->slot[i].load(std::memory_order_relaxed);
            if (element == nullptr || !want(*element)) continue;
            found_in_ = at;
            found_at_ = i;
            return element;
        }
    }
    return nullptr;
}

}  // namespace graft
