// PointerArray: the slots of a map that holds pointers; all null at first.
//
// A client may make one of two thousand million slots and use a single one.  Walking it reads only pages of slots that were ever written,
// so that neither its end, nor a broadcast to it, holds up other clients and packets.
//
// Thread safety: a slot's is std::atomic's; readers hold an rcu::ReadGuard.  A walk sees a slot that was filled before it began.  What the
// pointers point to is the map's to own.
// Errno: ENOMEM.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/rcu.h"
#include "map/memory.h"

namespace graft {

template <class T>
class PointerArray {
public:
    using Slot = std::atomic<T*>;

    static Result<PointerArray> create(uint64_t size) {
        PointerArray made;
        made.size_ = size;
        made.slots_ = TRY(Memory::anonymous(size * sizeof(Slot)));
        made.written_ = TRY(Memory::anonymous((size / slots_of_word + 1) * sizeof(Word)));
        return made;
    }

    [[nodiscard]] uint64_t size() const { return size_; }
    [[nodiscard]] uint64_t memory() const { return slots_.size(); }

    // For reading, and for taking out what is there.
    [[nodiscard]] Slot& operator[](uint64_t index) const { return reinterpret_cast<Slot*>(slots_.get())[index]; }
    [[nodiscard]] T* load(uint64_t index) const { return rcu::load((*this)[index]); }
    // For putting something in.
    [[nodiscard]] Slot& to_fill(uint64_t index) {
        word(index / slots_of_word).fetch_or(uint64_t{1} << (index / slots_of_bit % 64), std::memory_order_release);
        return (*this)[index];
    }
    [[nodiscard]] T* exchange(uint64_t index, T* value) { return rcu::exchange(value != nullptr ? to_fill(index) : (*this)[index], value); }

    // The first slot from this one on that is not null; size(): there is none.
    [[nodiscard]] uint64_t next(uint64_t index) const {
        while (index < size_) {
            const uint64_t bits = word(index / slots_of_word).load(std::memory_order_acquire) >> (index / slots_of_bit % 64);
            if (bits == 0) {
                index = (index / slots_of_word + 1) * slots_of_word;
                continue;
            }
            if ((bits & 1) == 0) index = (index / slots_of_bit + static_cast<unsigned>(std::countr_zero(bits))) * slots_of_bit;
            for (const uint64_t end = std::min(size_, (index / slots_of_bit + 1) * slots_of_bit); index < end; ++index) {
                if ((*this)[index].load(std::memory_order_relaxed) != nullptr) return index;
            }
        }
        return size_;
    }
    // visit(index) for each slot that is not null.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (uint64_t index = next(0); index < size_; index = next(index + 1)) visit(index);
    }

private:
    using Word = std::atomic<uint64_t>;
    static constexpr uint64_t slots_of_bit = 4096 / sizeof(Slot), slots_of_word = 64 * slots_of_bit;
    [[nodiscard]] Word& word(uint64_t at) const { return reinterpret_cast<Word*>(written_.get())[at]; }

    uint64_t size_ = 0;
    Memory slots_, written_;  // written_: a bit a page of slots
};

}  // namespace graft
