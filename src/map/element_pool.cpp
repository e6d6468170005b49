#include "map/element_pool.h"

#include <algorithm>
#include <cstring>

#include "base/rcu.h"

namespace graft {
namespace {

constexpr size_t page = 4096;
constexpr size_t growth_bytes = 64 * 1024;
constexpr size_t run = 16;  // elements that one visit to the chunk brings home

}  // namespace

Result<Ref<ElementPool>> ElementPool::create(const Shape& shape) {
    Ref<ElementPool> pool = Ref<ElementPool>::adopt(new ElementPool(shape));
    pool->chunk_elements_ = std::max<size_t>(1, growth_bytes / shape.element_size);
    if (shape.percpu_stride != 0) {
        // One page of values for each CPU, then those of the next group of elements: CPUs never share a cache line.
        const size_t group = std::max<size_t>(1, page / shape.percpu_stride);
        pool->cpu_stride_ = group * shape.percpu_stride;
        pool->chunk_elements_ = group;
    }
    if (shape.preallocate != 0) TRY(pool->add_chunk(shape.preallocate));
    return pool;
}

// Requires growth_, but for create().
Result<void> ElementPool::add_chunk(size_t elements) {
    Chunk chunk;
    if (cpu_stride_ != 0) {
        const size_t group = cpu_stride_ / shape_.percpu_stride;
        const size_t groups = (elements + group - 1) / group;
        elements = groups * group;
        chunk.values = TRY(Memory::anonymous(groups * cpu_stride_ * shape_.cpus));
    }
    chunk.elements = TRY(Memory::anonymous(elements * shape_.element_size));
    memory_.fetch_add(chunk.elements.size() + chunk.values.size(), std::memory_order_relaxed);
    chunks_.push_back(std::move(chunk));
    fresh_ = elements;
    carved_ = 0;
    return {};
}

// The next element of the last chunk that was never used; null: none.  Requires growth_.
Element* ElementPool::carve() {
    if (carved_ == fresh_) return nullptr;
    const size_t index = carved_++;
    const Chunk& chunk = chunks_.back();
    std::byte* const place = chunk.elements.get() + index * shape_.element_size;
    auto* const element = new (place) Element;
    if (cpu_stride_ != 0) {
        const size_t group = cpu_stride_ / shape_.percpu_stride;
        std::byte* const values = chunk.values.get() + index / group * cpu_stride_ * shape_.cpus + index % group * shape_.percpu_stride;
        std::memcpy(place + shape_.percpu_offset, &values, sizeof values);
    }
    return element;
}

Element* ElementPool::take(Shelf& shelf) {
    const std::lock_guard guard(shelf.lock);
    Element* const element = shelf.free;
    if (element != nullptr) shelf.free = element->next_free;
    return element;
}

Element* ElementPool::allocate(uint32_t hint) {
    Shelf& own = shelves_[hint % shelves_.size()];
    if (Element* element = take(own)) return element;
    {
        const std::lock_guard guard(growth_);
        if (Element* element = carve()) {
            for (size_t i = 1; i < run; ++i) {
                Element* const more = carve();
                if (more == nullptr) break;
                release(more, hint);
            }
            return element;
        }
    }
    for (Shelf& shelf : shelves_) {
        if (Element* element = take(shelf)) return element;
    }
    const std::lock_guard guard(growth_);
    if (carved_ == fresh_ && !add_chunk(chunk_elements_).ok()) return nullptr;
    return carve();
}

void ElementPool::release(Element* element, uint32_t hint) {
    Shelf& shelf = shelves_[hint % shelves_.size()];
    const std::lock_guard guard(shelf.lock);
    element->next_free = shelf.free;
    shelf.free = element;
}

void ElementPool::retire(Element* element, uint32_t hint) {
    Shelf& shelf = shelves_[hint % shelves_.size()];
    {
        const std::lock_guard guard(shelf.lock);
        element->next_free = shelf.retired;
        shelf.retired = element;
        if (shelf.waiting) return;
        shelf.waiting = true;
        element = std::exchange(shelf.retired, nullptr);
    }
    wait_for_readers(shelf, element);
}

void ElementPool::wait_for_readers(Shelf& shelf, Element* batch) {
    rcu::defer([pool = Ref<ElementPool>::share(this), &shelf, batch] {
        Element* last = batch;
        while (last->next_free != nullptr) last = last->next_free;
        Element* more = nullptr;
        {
            const std::lock_guard guard(shelf.lock);
            last->next_free = shelf.free;
            shelf.free = batch;
            more = std::exchange(shelf.retired, nullptr);
            shelf.waiting = more != nullptr;
        }
        if (more != nullptr) pool->wait_for_readers(shelf, more);
    });
}

}  // namespace graft
