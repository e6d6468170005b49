// Copies between a map's value, which other threads read and write meanwhile, and memory of the caller's.
//
// Words are copied whole: an aligned 8-byte counter is never seen half written.  There is no order between words.  The caller's side may
// lie anywhere; it may itself be a value of a map.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "btf/special_fields.h"

namespace graft {

// `shared` is 8-byte aligned or lies inside a value at its natural alignment.
void store_words(void* shared, const void* from, size_t size);
void load_words(void* to, const void* shared, size_t size);

// A whole value but for its special fields.
void store_value(void* shared, const void* from, size_t size, const SpecialFields& fields);
// The same; the special fields read as zeros.
void load_value(void* to, const void* shared, size_t size, const SpecialFields& fields);

// bpf_spin_lock: a word in a value.  Holders are programs (the verifier bounds what they do inside) and BPF_F_LOCK copies.
class ValueLock {
public:
    ValueLock(void* value, uint32_t offset) : word_(static_cast<std::byte*>(value) + offset) { lock(word_); }
    ~ValueLock() { unlock(word_); }
    ValueLock(const ValueLock&) = delete;
    ValueLock& operator=(const ValueLock&) = delete;

    static void lock(void* word);
    static void unlock(void* word);

private:
    std::byte* word_;
};

}  // namespace graft
