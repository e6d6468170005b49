#include "helper/checked_read.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace graft {

// The host checks the address for us: a system call fails where a load would trap.
bool checked_read(uint64_t address, MutableBytes into) {
    if (into.empty()) return true;
    const iovec here{into.data(), into.size()};
    const iovec there{reinterpret_cast<void*>(address), into.size()};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == static_cast<ssize_t>(into.size());
}

int64_t checked_read_string(uint64_t address, MutableBytes into) {
    if (into.empty()) return 0;
    constexpr uint64_t step = 64;  // divides a page, so a string that ends on a page's end is read though the next is missing
    size_t done = 0;
    while (done + 1 < into.size()) {
        const uint64_t at = address + done;
        const size_t size = std::min<size_t>(step - at % step, into.size() - 1 - done);
        const MutableBytes part = into.subspan(done, size);
        if (!checked_read(at, part)) return -EFAULT;
        const auto end = std::find(part.begin(), part.end(), std::byte{0});
        if (end != part.end()) return static_cast<int64_t>(done) + (end - part.begin()) + 1;
        done += size;
    }
    into[done] = std::byte{0};
    return static_cast<int64_t>(done) + 1;
}

}  // namespace graft
