// syscall(2) of the executable this is linked into, by the linker's --wrap=syscall: SYS_bpf goes to a kernel of this process, the rest to
// the host.
//
// The one mutable global of graft, since the process has one syscall().
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>

#include "client/in_process.h"

extern "C" {
long __real_syscall(long number, ...);  // NOLINT: the linker's names
long __wrap_syscall(long number, ...);
}

namespace graft::client {
namespace {

std::atomic<InProcess*> target{nullptr};

}  // namespace

void route_bpf_to(InProcess* to) { target.store(to, std::memory_order_release); }

}  // namespace graft::client

// Reads six arguments whatever was passed, as libc's syscall does: the sixth may be a word of the caller's frame.
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (long& argument : arguments) argument = va_arg(list, long);
    va_end(list);
    graft::client::InProcess* const kernel = number == SYS_bpf ? graft::client::target.load(std::memory_order_acquire) : nullptr;
    if (kernel == nullptr)
        return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    const long result =
        kernel->bpf(static_cast<int>(arguments[0]), static_cast<uint64_t>(arguments[1]), static_cast<uint32_t>(arguments[2]));
    if (result >= 0) return result;
    errno = static_cast<int>(-result);
    return -1;
}
