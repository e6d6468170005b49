// Memory: pages that hold the values of a map; zero at first, taken from the host only when touched.
//
// One owner; the address is stable.  Shared memory is a memfd that clients may map too: its size is sealed from the start, so no client can
// take a page away.  Errno: ENOMEM; EMFILE or ENFILE for a memfd.
#pragma once

#include <cstddef>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace graft {

class Memory {
public:
    static Result<Memory> anonymous(size_t size);
    static Result<Memory> shared(size_t size, const char* name = "bpf-map");  // name: as clients see it in /proc/PID/fd

    Memory() = default;
    Memory(Memory&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)), fd_(std::move(other.fd_)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory();

    [[nodiscard]] std::byte* get() const { return address_; }
    [[nodiscard]] size_t size() const { return size_; }  // bytes, whole pages
    [[nodiscard]] int fd() const { return fd_.get(); }   // -1: not shared

    // For shared memory.  From now on clients can neither map it for writing (EPERM) nor write through a descriptor; what is mapped for
    // writing already stays so.
    Result<void> forbid_new_writers();
    // From now on nobody writes, this process included.  EBUSY: it is mapped for writing elsewhere.
    Result<void> make_read_only();

private:
    std::byte* address_ = nullptr;
    size_t size_ = 0;
    Fd fd_;
};

}  // namespace graft
