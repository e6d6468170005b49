// Attr: the union bpf_attr of one call, as the kernel sees it: zero-extended, read from the client once.
//
// Lives as long as the call.  What a command answers through the attr is written to the client's own copy: put().
#pragma once

#include <cstdint>
#include <cstring>

#include "abi/bpf.h"
#include "base/bytes.h"
#include "object/caller.h"

namespace graft {

struct Attr {
    abi::Attr value{};
    uint64_t address = 0;  // of the client's
    uint32_t size = 0;     // bytes, as the client said

    const bpf_attr* operator->() const { return &value.uapi; }

    // What graft knows beyond Linux.
    [[nodiscard]] graft_attr own() const { return at<graft_attr>(abi::attr_size); }

    // A field that the system's header does not have, by its offset (abi/bpf.h).
    template <class T>
    [[nodiscard]] T at(size_t offset) const {
        T field;
        std::memcpy(&field, value.raw + offset, sizeof field);
        return field;
    }

    // Answers through a field.  EFAULT.  Like Linux it does not ask whether the client's attr is long enough: where it may not be, check
    // covers().
    template <class T>
    Result<void> put(Caller& caller, size_t offset, const T& field) const {
        return caller.write(address + offset, bytes_of(field));
    }
    template <class T>
    [[nodiscard]] bool covers(size_t offset) const {
        return size >= offset + sizeof(T);
    }
};

}  // namespace graft
