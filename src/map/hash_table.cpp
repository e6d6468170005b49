#include "map/hash_table.h"

#include <sched.h>

#include <new>

namespace graft {

Result<std::unique_ptr<HashTable>> HashTable::create(uint32_t max_entries, uint32_t key_size, uint64_t seed) {
    // 1.5 to 3 elements to a bucket of six when the map is full: one lookup in 30 or less meets an overflow bucket.
    const uint64_t count = std::bit_ceil(uint64_t{max_entries} / 3 + 1);
    Memory buckets = TRY(Memory::anonymous(count * sizeof(Bucket)));  // zero bytes are empty buckets
    return std::unique_ptr<HashTable>(new HashTable(std::move(buckets), count - 1, key_size, seed));
}

uint64_t HashTable::hash(const void* key) const { return hash_bytes(key, key_size_, seed_); }

bool HashTable::try_lock(Bucket& bucket) {
    uint64_t control = bucket.control.load(std::memory_order_relaxed);
    return (control & locked_bit) == 0 && bucket.control.compare_exchange_strong(control, control | locked_bit, std::memory_order_acquire);
}

void HashTable::lock(Bucket& bucket) {
    for (uint32_t tries = 0; !try_lock(bucket); ++tries) {
        if (tries >= 64) sched_yield();
    }
}

// The holder is the only one who writes a locked control word.
void HashTable::unlock(Bucket& bucket) {
    bucket.control.store(bucket.control.load(std::memory_order_relaxed) & ~locked_bit, std::memory_order_release);
}

Element* HashTable::next(Cursor& cursor) const {
    for (; cursor.bucket <= mask_; cursor = {cursor.bucket + 1, 0}) {
        uint32_t base = 0;
        for (const Bucket* at = bucket(cursor.bucket); at != nullptr; at = at->next.load(std::memory_order_acquire), base += slots) {
            for (uint32_t i = cursor.position > base ? cursor.position - base : 0; i < slots; ++i) {
                Element* const element = at->slot[i].load(std::memory_order_acquire);
                if (element == nullptr) continue;
                cursor.position = base + i;
                return element;
            }
        }
    }
    return nullptr;
}

bool HashTable::locate(const void* key, Cursor& cursor) const {
    const uint32_t wanted = bucket_of(hash(key));
    cursor = {wanted, 0};
    for (Element* element = next(cursor); element != nullptr && cursor.bucket == wanted; ++cursor.position, element = next(cursor)) {
        if (equal<0>(element->key(), key)) return true;
    }
    return false;
}

Element* HashTable::Locked::find(const void* key, uint64_t hash) {
    const uint8_t tag = tag_of(hash);
    for (Bucket* at = head_; at != nullptr; at = at->next.load(std::memory_order_relaxed)) {
        for (uint32_t candidates = matches(at->control.load(std::memory_order_relaxed), tag); candidates != 0;
             candidates &= candidates - 1) {
            const auto i = static_cast<uint32_t>(std::countr_zero(candidates));
            Element* const element = at->slot[i].load(std::memory_order_relaxed);
            if (!table_.equal<0>(element->key(), key)) continue;
            found_in_ = at;
            found_at_ = i;
            return element;
        }
    }
    return nullptr;
}

bool HashTable::Locked::insert(Element* element, uint64_t hash) {
    Bucket* at = head_;
    uint64_t control = at->control.load(std::memory_order_relaxed);
    uint32_t empty = matches(control, 0);
    while (empty == 0) {
        Bucket* following = at->next.load(std::memory_order_relaxed);
        if (following == nullptr) {
            following = table_.add_overflow();
            if (following == nullptr) return false;
            at->next.store(following, std::memory_order_release);
        }
        at = following;
        control = at->control.load(std::memory_order_relaxed);
        empty = matches(control, 0);
    }
    const auto i = static_cast<uint32_t>(std::countr_zero(empty));
    at->slot[i].store(element, std::memory_order_release);
    at->control.store(control | uint64_t{tag_of(hash)} << (8 * i), std::memory_order_release);
    return true;
}

void HashTable::Locked::replace(Element* fresh) { found_in_->slot[found_at_].store(fresh, std::memory_order_release); }

void HashTable::Locked::remove() {
    const uint64_t control = found_in_->control.load(std::memory_order_relaxed);
    found_in_->control.store(control & ~(uint64_t{0xff} << (8 * found_at_)), std::memory_order_release);
    found_in_->slot[found_at_].store(nullptr, std::memory_order_release);
}

HashTable::Bucket* HashTable::add_overflow() {
    std::unique_ptr<Bucket> fresh(new (std::nothrow) Bucket);
    if (fresh == nullptr) return nullptr;
    const std::lock_guard guard(growth_);
    overflow_.push_back(std::move(fresh));
    overflow_bytes_.fetch_add(sizeof(Bucket), std::memory_order_relaxed);
    return overflow_.back().get();
}

}  // namespace graft
