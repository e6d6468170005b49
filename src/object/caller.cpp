#include "object/caller.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace graft {

// Reads in chunks that do not cross a page, so that a short string at the end of a mapping is not a fault.
Result<std::string> Caller::read_string(uint64_t address, size_t limit) {
    constexpr size_t page = 4096;
    std::string text;
    while (text.size() < limit) {
        std::array<char, 64> chunk;
        size_t size = std::min(chunk.size(), limit - text.size());
        size = std::min<size_t>(size, page - ((address + text.size()) & (page - 1)));
        TRY(read(address + text.size(), std::as_writable_bytes(std::span(chunk.data(), size))));
        const size_t length = strnlen(chunk.data(), size);
        text.append(chunk.data(), length);
        if (length != size) return text;
    }
    return fail(EINVAL, "the string has no end within its limit");
}

}  // namespace graft
