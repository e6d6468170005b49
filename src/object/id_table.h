// IdTable<T>: the ids of one kind of object.  Thread safe; does not own.
//
// Ids are given out cyclically from 1, as Linux does: an id is not reused until the numbers have gone round.  T's destructor calls
// remove(); between the last Ref and that call, find() already answers null.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "base/ref.h"

namespace graft {

template <class T>
class IdTable {
public:
    [[nodiscard]] uint32_t add(T* object) {
        uint32_t id = 0;
        add(object, id);
        return id;
    }
    // `id` is written before anybody can find the object: for one that is complete already.
    void add(T* object, uint32_t& id) {
        const std::lock_guard guard(lock_);
        do {
            last_ = last_ >= INT32_MAX ? 1 : last_ + 1;
        } while (objects_.contains(last_));
        id = last_;
        objects_.emplace(last_, object);
    }
    void remove(uint32_t id) {
        const std::lock_guard guard(lock_);
        objects_.erase(id);
    }
    [[nodiscard]] Ref<T> find(uint32_t id) const {
        const std::lock_guard guard(lock_);
        const auto it = objects_.find(id);
        if (it == objects_.end() || !it->second->try_add_ref()) return nullptr;
        return Ref<T>::adopt(it->second);
    }
    // The smallest id greater than `id`, or 0.
    [[nodiscard]] uint32_t next(uint32_t id) const {
        const std::lock_guard guard(lock_);
        const auto it = objects_.upper_bound(id);
        return it == objects_.end() ? 0 : it->first;
    }
    [[nodiscard]] size_t size() const {
        const std::lock_guard guard(lock_);
        return objects_.size();
    }
    // Every live object (status, leak checks).
    template <class F>
    void for_each(F&& visit) const {
        for (uint32_t id = next(0); id != 0; id = next(id)) {
            if (Ref<T> object = find(id)) visit(id, *object);
        }
    }

private:
    mutable std::mutex lock_;
    std::map<uint32_t, T*> objects_;
    uint32_t last_ = 0;
};

}  // namespace graft
