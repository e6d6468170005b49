// ElementPool: the memory of a hash map's elements: addresses that stay, reused only when no reader can hold them.
//
// Thread safety: every method from any thread.  An element that was reachable is given back by retire(); it returns to the free list after
// a grace period, many at a time.  Memory goes back to the host with the pool, which outlives its map by as long as retired elements wait.
// The pool may hold more elements than max_entries (those that wait, replacements): the map counts its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/ref.h"
#include "base/result.h"
#include "map/memory.h"
#include "map/spin_lock.h"

namespace graft {

// What stands in front of key and value.
struct alignas(8) Element {
    Element* next_free = nullptr;         // used only while the element is not in a map
    std::atomic<uint32_t> referenced{0};  // an LRU map: looked up since the last sweep
    // key (padded to 8), then the value or, for a per-CPU map, the address of CPU 0's value

    [[nodiscard]] std::byte* key() { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* key() const { return reinterpret_cast<const std::byte*>(this + 1); }
};

class ElementPool final : public RefCounted {
public:
    struct Shape {
        size_t element_size = 0;   // bytes, with the Element; a multiple of 8
        size_t percpu_stride = 0;  // bytes of one CPU's value; 0: not per CPU
        size_t percpu_offset = 0;  // where in an element the address of CPU 0's value is kept
        uint32_t cpus = 0;
        uint32_t preallocate = 0;  // elements for which memory is set aside at once
    };
    static Result<Ref<ElementPool>> create(const Shape& shape);
    ~ElementPool() override = default;

    // Null: no memory.  The contents are those of an earlier use.  `hint` spreads callers over free lists.
    [[nodiscard]] Element* allocate(uint32_t hint);
    // Gives back an element that no reader has seen.
    void release(Element* element, uint32_t hint);
    // Gives back one that readers may still hold.
    void retire(Element* element, uint32_t hint);

    // Bytes between two CPUs' values of one element.
    [[nodiscard]] size_t cpu_stride() const { return cpu_stride_; }
    [[nodiscard]] uint64_t memory() const { return memory_.load(std::memory_order_relaxed); }

private:
    struct alignas(64) Shelf {
        SpinLock lock;
        Element* free = nullptr;
        Element* retired = nullptr;
        bool waiting = false;  // a grace period is under way for an earlier batch
    };
    struct Chunk {
        Memory elements;
        Memory values;  // per CPU
    };

    explicit ElementPool(const Shape& shape) : shape_(shape) {}
    Result<void> add_chunk(size_t elements);
    Element* carve();
    Element* take(Shelf& shelf);
    void wait_for_readers(Shelf& shelf, Element* batch);

    Shape shape_;
    size_t chunk_elements_ = 0;
    size_t cpu_stride_ = 0;
    std::array<Shelf, 8> shelves_;
    std::mutex growth_;
    std::vector<Chunk> chunks_;      // under growth_
    size_t fresh_ = 0, carved_ = 0;  // of the last chunk: elements, and how many of them were given out; under growth_
    std::atomic<uint64_t> memory_{0};
};

}  // namespace graft
