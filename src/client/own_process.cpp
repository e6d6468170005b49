#include "client/own_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "client/cgroups.h"
#include "client/mappings.h"
#include "client/net_namespace.h"

namespace graft::client {
namespace {

// The host copies, so that a bad pointer is EFAULT here as it is there.
std::string link_of_descriptor(int fd) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    std::array<char, 256> target;
    const ssize_t length = readlink(path.data(), target.data(), target.size());
    return {target.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))};
}

Error copy_error() {
    return errno == EFAULT ? fail(EFAULT) : fail(errno, "process_vm_readv or process_vm_writev is not permitted on this process itself");
}

}  // namespace

Result<void> OwnProcess::read(uint64_t address, MutableBytes into) {
    if (into.empty()) return {};
    const iovec local{into.data(), into.size()};
    const iovec remote{reinterpret_cast<void*>(address), into.size()};
    const ssize_t copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (copied < 0) return copy_error();
    if (static_cast<size_t>(copied) != into.size()) return fail(EFAULT);
    return {};
}

Result<void> OwnProcess::write(uint64_t address, Bytes from) {
    if (from.empty()) return {};
    const iovec local{const_cast<std::byte*>(from.data()), from.size()};
    const iovec remote{reinterpret_cast<void*>(address), from.size()};
    const ssize_t copied = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
    if (copied < 0) return copy_error();
    if (static_cast<size_t>(copied) != from.size()) return fail(EFAULT);
    return {};
}

Result<DescriptorRef> OwnProcess::descriptor(int fd) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return fail(EBADF, "the descriptor is not open");
    const Descriptors::Found found = gateway_.descriptors().find(key_of(status));
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0) return fail(EBADF, "the descriptor is not open, or only a path");
    if (!found.object) return Descriptors::unknown(link_of_descriptor(fd));
    const int mode = flags & O_ACCMODE;
    return DescriptorRef{found.object, mode != O_WRONLY, mode != O_RDONLY};
}

Result<int> OwnProcess::give(DescriptorRef object) { return TRY(gateway_.descriptors().open(object.object, access_of(object))).release(); }

Result<void> OwnProcess::take_back(int fd) {
    if (!descriptor(fd).ok()) return fail(EBADF, "the descriptor is of no object");
    const Fd closed(fd);
    return {};
}

Result<NetNamespace> OwnProcess::net_namespace() {
    net_namespace_ = Fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!net_namespace_) return fail(errno, "cannot open this thread's network namespace");
    return NetNamespace{TRY(net_namespace_cookie(net_namespace_.get())), net_namespace_.get()};
}

Result<bool> OwnProcess::has_interface(uint32_t ifindex) {
    const Fd here(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!here) return fail(errno, "cannot open this thread's network namespace");
    return interface_exists(here.get(), ifindex);
}

Result<uint64_t> OwnProcess::cgroup(int fd) { return cgroup_id(fd); }

Result<void> OwnProcess::pin(const std::string& path, int path_fd, Ref<Object> object) {
    const NewFilePath split = split_new_file(path);
    if (path.empty()) return fail(ENOENT, "the path is empty");
    const Fd directory(openat(path_fd < 0 ? AT_FDCWD : path_fd, split.parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return fail(errno, "cannot open the directory of the pin");
    return gateway_.bpffs().pin(directory.get(), split, std::move(object));
}

Result<Ref<Object>> OwnProcess::pinned(const std::string& path, int path_fd) {
    const Fd file(openat(path_fd < 0 ? AT_FDCWD : path_fd, path.c_str(), O_PATH | O_CLOEXEC));
    if (!file) return fail(errno, "cannot open the pin");
    return gateway_.bpffs().pinned(file.get());
}

Result<bool> OwnProcess::shares_writably(int fd, const void* own) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return fail(errno, "cannot stat an object's memfd");
    const Fd smaps(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC));
    if (!smaps) return fail(errno, "cannot read this process's mappings");
    return client::shares_writably(smaps.get(), status, own);
}

uint32_t OwnProcess::uid() const { return getuid(); }

}  // namespace graft::client
