// ExecutableMemory: where images stand: small ones side by side in a page.
//
// A page that can be executed can never be written: the mappings are of a memfd, read and execute only, and code gets in by write(2).
// A region of address space is reserved at a time; whole pages that become free go back to the system.
// Thread safety: any thread.  A block must be out of use (a grace period) before it goes; it keeps the memory it came from.
// After fork() the child shares what its parent has, and neither writes nor frees there; it must not run what its parent frees.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace graft::x86_64 {

class ExecutableMemory : public std::enable_shared_from_this<ExecutableMemory> {
public:
    // Code in place.  Movable; gives its bytes back.
    class Block {
    public:
        Block() = default;
        Block(Block&& other) noexcept : memory_(std::move(other.memory_)), code_(other.code_) {}
        Block& operator=(Block&& other) noexcept {
            std::swap(memory_, other.memory_);
            std::swap(code_, other.code_);
            return *this;
        }
        ~Block() {
            if (memory_) memory_->give_back(code_);
        }
        [[nodiscard]] std::span<const std::byte> code() const { return code_; }

    private:
        friend ExecutableMemory;
        Block(std::shared_ptr<ExecutableMemory> memory, std::span<const std::byte> code) : memory_(std::move(memory)), code_(code) {}
        std::shared_ptr<ExecutableMemory> memory_;
        std::span<const std::byte> code_;
    };

    ExecutableMemory() = default;
    ~ExecutableMemory();
    ExecutableMemory(const ExecutableMemory&) = delete;
    ExecutableMemory& operator=(const ExecutableMemory&) = delete;

    // Finds room and writes the code there, at a multiple of `alignment`.  ENOMEM.
    [[nodiscard]] Result<Block> store(std::span<const uint8_t> code);
    static constexpr size_t alignment = 64;

    // Bytes of pages that hold code now.
    [[nodiscard]] size_t resident() const;

private:
    struct Region {
        Fd memfd;
        const std::byte* start = nullptr;
        size_t size = 0;
        pid_t owner = 0;
        std::map<size_t, size_t> free;  // offset to length; neighbours are joined
    };
    struct Place {
        size_t region = 0, offset = 0;
    };
    void give_back(std::span<const std::byte> code) noexcept;
    [[nodiscard]] Result<Place> reserve(size_t size);
    [[nodiscard]] Result<void> add_region(size_t size);
    static void release(Region& region, size_t offset, size_t size) noexcept;

    mutable std::mutex lock_;
    std::vector<Region> regions_;
};

}  // namespace graft::x86_64
