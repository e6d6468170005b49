// IndexedMap: what all maps have in common whose key is a 32-bit index below max_entries.
#pragma once

#include <cstring>

#include "map/map.h"

namespace graft {

class IndexedMap : public Map {
public:
    // An unknown index, too, is followed by the first.
    Result<void> next_key(std::optional<Bytes> key, MutableBytes next) final {
        const uint32_t current = key ? index_of(key->data()) : UINT32_MAX;
        const uint32_t last = spec().max_entries - 1;
        if (current == last) return fail(ENOENT, "that was the last index");
        const uint32_t following = current > last ? 0 : current + 1;
        std::memcpy(next.data(), &following, sizeof following);
        return {};
    }

protected:
    using Map::Map;

    [[nodiscard]] static uint32_t index_of(const void* key) {
        uint32_t index;
        std::memcpy(&index, key, sizeof index);
        return index;
    }
    // For a type whose every index is an element.
    long for_each_index(const ElementVisit& visit, uint32_t cpu) {
        uint32_t index = 0;
        for (bool more = true; more && index < spec().max_entries; ++index) {
            uint32_t key = index;
            more = visit(&key, lookup_element(&key, cpu));
        }
        return index;
    }
    [[nodiscard]] bool in_range(uint32_t index) const { return index < spec().max_entries; }
};

}  // namespace graft
