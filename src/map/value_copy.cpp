#include "map/value_copy.h"

#include <sched.h>

namespace graft {
namespace {

template <class Word>
bool aligned(const void* address) {
    return reinterpret_cast<uintptr_t>(address) % sizeof(Word) == 0;
}

template <class Word>
Word read_word(const void* from) {
    // atomic_ref<const T> came after C++20; nothing is written through it.
    if (aligned<Word>(from)) return std::atomic_ref(*static_cast<Word*>(const_cast<void*>(from))).load(std::memory_order_relaxed);
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

template <class Word>
void write_word(void* to, Word word) {
    if (aligned<Word>(to)) {
        std::atomic_ref(*static_cast<Word*>(to)).store(word, std::memory_order_relaxed);
    } else {
        std::memcpy(to, &word, sizeof word);
    }
}

// The side whose words must not tear sets the pace: each step moves the widest word that it is aligned to.
enum class Pace : uint8_t { destination, source };

template <Pace pace>
void copy(void* destination, const void* source, size_t size) {
    auto* to = static_cast<std::byte*>(destination);
    const auto* from = static_cast<const std::byte*>(source);
    const auto step = [&]<class Word>(Word) {
        if (size < sizeof(Word) || !aligned<Word>(pace == Pace::destination ? to : from)) return false;
        do {
            write_word<Word>(to, read_word<Word>(from));
            to += sizeof(Word);
            from += sizeof(Word);
            size -= sizeof(Word);
        } while (sizeof(Word) == 8 && size >= sizeof(Word));
        return true;
    };
    while (size > 0) (void)(step(uint64_t{}) || step(uint32_t{}) || step(uint16_t{}) || step(uint8_t{}));
}

// Calls `visit(offset, size)` for each stretch of a value that no special field covers.
template <class F>
void for_each_plain(size_t size, const SpecialFields& fields, F&& visit) {
    size_t done = 0;
    for (const SpecialField& field : fields.fields) {
        if (field.offset > done) visit(done, field.offset - done);
        done = field.offset + field.size;
    }
    if (size > done) visit(done, size - done);
}

}  // namespace

void store_words(void* shared, const void* from, size_t size) { copy<Pace::destination>(shared, from, size); }
void load_words(void* to, const void* shared, size_t size) { copy<Pace::source>(to, shared, size); }

void store_value(void* shared, const void* from, size_t size, const SpecialFields& fields) {
    if (fields.empty()) return store_words(shared, from, size);
    for_each_plain(size, fields, [&](size_t offset, size_t length) {
        store_words(static_cast<std::byte*>(shared) + offset, static_cast<const std::byte*>(from) + offset, length);
    });
}

void load_value(void* to, const void* shared, size_t size, const SpecialFields& fields) {
    if (fields.empty()) return load_words(to, shared, size);
    std::memset(to, 0, size);
    for_each_plain(size, fields, [&](size_t offset, size_t length) {
        load_words(static_cast<std::byte*>(to) + offset, static_cast<const std::byte*>(shared) + offset, length);
    });
}

void ValueLock::lock(void* word) {
    const std::atomic_ref lock_word(*static_cast<uint32_t*>(word));
    // The holder may have lost its CPU: yield rather than spin for long.
    for (uint32_t tries = 0; lock_word.exchange(1, std::memory_order_acquire) != 0; ++tries) {
        if (tries >= 64) sched_yield();
    }
}

void ValueLock::unlock(void* word) { std::atomic_ref(*static_cast<uint32_t*>(word)).store(0, std::memory_order_release); }

}  // namespace graft
