#include "map/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace graft {
namespace {

Result<size_t> whole_pages(size_t size) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    // The host gives pages when they are touched; a map that could never be filled is refused at once.
    if (size / page >= static_cast<size_t>(sysconf(_SC_PHYS_PAGES))) return fail(ENOMEM, "the map is larger than the host's memory");
    return size == 0 ? page : (size + page - 1) / page * page;
}

}  // namespace

Result<Memory> Memory::anonymous(size_t size) {
    Memory memory;
    memory.size_ = TRY(whole_pages(size));
    void* address = mmap(nullptr, memory.size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return fail(ENOMEM, "no memory for the map's values");
    memory.address_ = static_cast<std::byte*>(address);
    return memory;
}

Result<Memory> Memory::shared(size_t size, const char* name) {
    Memory memory;
    memory.size_ = TRY(whole_pages(size));
    memory.fd_ = Fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.fd_) return fail(errno, "no memfd for the map's values");
    if (ftruncate(memory.fd(), static_cast<off_t>(memory.size_)) != 0) return fail(ENOMEM, "no memory for the map's values");
    if (fcntl(memory.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) return fail(errno, "the map's memfd cannot be sealed");
    void* address = mmap(nullptr, memory.size_, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd(), 0);
    if (address == MAP_FAILED) return fail(ENOMEM, "no memory for the map's values");
    memory.address_ = static_cast<std::byte*>(address);
    return memory;
}

Memory::~Memory() {
    if (address_ != nullptr) munmap(address_, size_);
}

Result<void> Memory::forbid_new_writers() {
    if (fcntl(fd(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0) return {};
    const int error = errno;
    // A client may have set the same seal, and one against further seals behind it.
    const int seals = fcntl(fd(), F_GET_SEALS);
    if (seals >= 0 && (seals & F_SEAL_FUTURE_WRITE) != 0) return {};
    return fail(error, "the map's memfd cannot be sealed against writing");
}

Result<void> Memory::make_read_only() {
    // A private mapping that is never written shows the file's pages and does not count as a writer; MAP_FIXED puts it in the place of ours
    // in one step, so readers do not notice.  (A shared one through a read-only description would do, too, but be one more description of
    // the file: its holders are counted to learn when clients have closed theirs.)
    if (mmap(address_, size_, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd(), 0) == MAP_FAILED) {
        return fail(ENOMEM, "the map's memory cannot be mapped for reading");
    }
    if (fcntl(fd(), F_ADD_SEALS, F_SEAL_WRITE) == 0) return {};
    const int error = errno;
    if (mmap(address_, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd(), 0) == MAP_FAILED) {
        return fail(ENOMEM, "the map's memory cannot be mapped for writing again");
    }
    return fail(error, "the map is mapped for writing");
}

}  // namespace graft
