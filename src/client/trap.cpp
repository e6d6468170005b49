#include "client/trap.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "client/cgroups.h"
#include "client/mappings.h"
#include "client/net_namespace.h"

namespace graft::client {
namespace {

constexpr const char* not_open = "the descriptor is not open";

using ProcPath = std::array<char, 64>;

ProcPath proc_path(pid_t tid, const char* name) {
    ProcPath path;
    std::snprintf(path.data(), path.size(), "/proc/%d/%s", tid, name);
    return path;
}
ProcPath descriptor_path(pid_t tid, int fd) {
    ProcPath path;
    std::snprintf(path.data(), path.size(), "/proc/%d/fd/%d", tid, fd);
    return path;
}

Result<Fd> open_beneath(int base, const std::string& path, int flags, uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
    how.resolve = resolve;
    for (int attempt = 0;; ++attempt) {
        Fd opened(static_cast<int>(syscall(SYS_openat2, base, path.c_str(), &how, sizeof(how))));
        if (opened) return opened;
        // EAGAIN: something on the way was renamed while the host looked.
        if (errno != EAGAIN || attempt == 16) return fail(errno, "cannot open the client's path");
    }
}

// A descriptor of the task; of its thread where the host can (6.9), else of its process.
Result<Fd> open_pidfd(pid_t tid) {
    constexpr unsigned thread = O_EXCL;  // PIDFD_THREAD
    Fd opened(static_cast<int>(syscall(SYS_pidfd_open, tid, thread)));
    if (opened) return opened;
    std::FILE* status = std::fopen(proc_path(tid, "status").data(), "re");
    if (status == nullptr) return fail(ESRCH);
    std::array<char, 256> line;
    int process = 0;
    while (process == 0 && std::fgets(line.data(), line.size(), status) != nullptr) std::sscanf(line.data(), "Tgid: %d", &process);
    std::fclose(status);
    opened = Fd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!opened) return fail(errno, "cannot open the client's pidfd");
    return opened;
}

}  // namespace

Trap::~Trap() { finish(Outcome::error(EIO)); }

bool Trap::valid() const {
    const uint64_t id = notification_.id;
    return ioctl(listener_->fd.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

Result<Fd> Trap::open_proc(const char* name, int flags) {
    Fd opened(open(proc_path(tid(), name).data(), flags | O_CLOEXEC));
    const int code = errno;
    if (!valid()) return fail(ESRCH);
    if (!opened) return fail(code, "cannot open the client's files in /proc");
    return opened;
}

Result<struct stat> Trap::stat_descriptor(int fd) {
    struct stat status{};
    const bool found = fd >= 0 && stat(descriptor_path(tid(), fd).data(), &status) == 0;
    const int code = fd >= 0 ? errno : ENOENT;
    if (!valid()) return fail(ESRCH);
    if (!found) return code == ENOENT ? fail(EBADF, not_open) : fail(code, "cannot look at the client's descriptors");
    return status;
}

Result<Fd> Trap::copy_descriptor(int fd) {
    if (fd < 0) return fail(EBADF, not_open);
    const Fd task = TRY(open_pidfd(tid()));
    if (!valid()) return fail(ESRCH);
    Fd copied(static_cast<int>(syscall(SYS_pidfd_getfd, task.get(), fd, 0)));
    if (!copied) return fail(errno, "cannot copy the client's descriptor");
    return copied;
}

Result<Fd> Trap::open_path(const std::string& path, int path_fd, int flags) {
    if (path.starts_with('/')) {
        const Fd root = TRY(open_proc("root", O_PATH | O_DIRECTORY));
        // An absolute symbolic link on the way is the client's, too.
        return open_beneath(root.get(), path, flags, RESOLVE_IN_ROOT);
    }
    if (path_fd < 0) return open_beneath(TRY(open_proc("cwd", O_PATH | O_DIRECTORY)).get(), path, flags, 0);
    std::array<char, 16> name;
    std::snprintf(name.data(), name.size(), "fd/%d", path_fd);
    const Result<Fd> base = open_proc(name.data(), O_PATH | O_DIRECTORY);
    if (!base.ok()) return base.code() == ENOENT ? fail(EBADF, not_open) : base.error();
    return open_beneath(base.value().get(), path, flags, 0);
}

Result<int> Trap::install(int fd, std::optional<int> at, bool cloexec) {
    seccomp_notif_addfd add{};
    add.id = notification_.id;
    add.srcfd = static_cast<uint32_t>(fd);
    if (at) {
        add.flags = SECCOMP_ADDFD_FLAG_SETFD;
        add.newfd = static_cast<uint32_t>(*at);
    }
    add.newfd_flags = cloexec ? O_CLOEXEC : 0;
    int number = -1;
    do {
        number = ioctl(listener_->fd.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
    } while (number < 0 && errno == EINTR);
    if (number < 0) return fail(errno == ENOENT ? ESRCH : errno, "cannot give the client a descriptor");
    return number;
}

Result<int> Trap::give(DescriptorRef object) {
    const Fd description = TRY(gateway_.descriptors().open(object.object, access_of(object)));
    return install(description.get(), std::nullopt, true);
}

// Nobody closes a descriptor of another process: an empty file takes its place.
Result<void> Trap::take_back(int fd) {
    if (!descriptor(fd).ok()) return fail(EBADF, "the descriptor is of no object");
    const Fd nothing(memfd_create(Descriptors::closed_name, MFD_CLOEXEC));
    if (!nothing) return fail(errno, "cannot make an empty file");
    TRY(install(nothing.get(), fd, true));
    return {};
}

void Trap::tell(const std::string& line) {
    const Result<Fd> err = copy_descriptor(STDERR_FILENO);
    if (!err.ok()) return;
    pollfd writable{err.value().get(), POLLOUT, 0};
    if (poll(&writable, 1, 0) != 1 || (writable.revents & POLLOUT) == 0) return;
    // A pipe takes up to PIPE_BUF bytes whole, or is not writable; SIGPIPE is ignored.
    if (::write(err.value().get(), line.data(), std::min<size_t>(line.size(), PIPE_BUF)) < 0) return;
}

void Trap::send(int64_t value, int error, uint32_t flags) {
    seccomp_notif_resp response{};
    response.id = notification_.id;
    response.val = value;
    response.error = -error;
    response.flags = flags;
    // ENOENT: the client was killed meanwhile.
    if (ioctl(listener_->fd.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) != 0) return;
}

void Trap::finish(Outcome outcome) {
    if (outcome.kind_ == Outcome::Kind::later || finished_.exchange(true)) return;
    switch (outcome.kind_) {
        case Outcome::Kind::value:
            return send(outcome.value_, 0, 0);
        case Outcome::Kind::error:
            return send(0, static_cast<int>(outcome.value_), 0);
        case Outcome::Kind::proceed:
            return send(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
        case Outcome::Kind::later:
            return;
        case Outcome::Kind::descriptor:
            break;
    }
    // Not installed and answered in one step: the client might close its descriptor and call again while ours is still open, and find the
    // object alive.
    const Result<int> number = install(outcome.fd_.get(), std::nullopt, outcome.value_ != 0);
    outcome.fd_.close();
    if (number.ok()) return send(number.value(), 0, 0);
    send(0, number.code(), 0);  // EMFILE: the client's table is full
}

void Trap::when_gone(std::function<void()> callback) {
    const std::lock_guard guard(gone_lock_);
    gone_ = std::move(callback);
}

void Trap::notice_gone() {
    std::function<void()> callback;
    {
        const std::lock_guard guard(gone_lock_);
        callback.swap(gone_);
    }
    if (callback) callback();
}

// Partly copied is EFAULT, as when the host copies.
Result<void> Trap::copy_memory(uint64_t address, void* ours, size_t size, bool to_client) {
    const iovec local{ours, size};
    const iovec remote{reinterpret_cast<void*>(address), size};
    ssize_t copied = -1;
    if (!memory_)
        copied = to_client ? process_vm_writev(tid(), &local, 1, &remote, 1, 0) : process_vm_readv(tid(), &local, 1, &remote, 1, 0);
    if (memory_ || (copied < 0 && (errno == EPERM || errno == ENOSYS))) {
        // A container may forbid those two calls and yet allow this file.
        if (!memory_) memory_ = TRY(open_proc("mem", O_RDWR));
        const auto at = static_cast<off_t>(address);
        copied = to_client ? pwrite(memory_.get(), ours, size, at) : pread(memory_.get(), ours, size, at);
        if (copied < 0 && errno == EIO) return fail(EFAULT);
    }
    if (copied < 0) return fail(errno == ESRCH ? ESRCH : EFAULT);
    if (static_cast<size_t>(copied) != size) return fail(EFAULT);
    return {};
}

Result<void> Trap::read(uint64_t address, MutableBytes into) {
    if (into.empty()) return {};
    const Result<void> copied = copy_memory(address, into.data(), into.size(), false);
    if (!valid()) return fail(ESRCH);
    return copied;
}

Result<void> Trap::write(uint64_t address, Bytes from) {
    if (from.empty()) return {};
    if (!valid()) return fail(ESRCH);
    return copy_memory(address, const_cast<std::byte*>(from.data()), from.size(), true);
}

Result<DescriptorRef> Trap::descriptor(int fd) {
    const struct stat status = TRY(stat_descriptor(fd));
    const Descriptors::Found found = gateway_.descriptors().find(key_of(status));
    const ProcPath path = descriptor_path(tid(), fd);
    if (!found.object) {
        std::array<char, 256> target;
        const ssize_t length = readlink(path.data(), target.data(), target.size());
        return Descriptors::unknown({target.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))});
    }
    DescriptorRef ref{found.object};
    if (found.restricted) {
        // The link's own mode bits say how the description was opened; O_PATH has none.
        struct stat link{};
        if (lstat(path.data(), &link) != 0) return fail(EBADF, not_open);
        ref.readable = (link.st_mode & S_IRUSR) != 0;
        ref.writable = (link.st_mode & S_IWUSR) != 0;
        if (!ref.readable && !ref.writable) return fail(EBADF, not_open);
    }
    return ref;
}

Result<int> Trap::client_net_namespace() {
    if (!net_namespace_) net_namespace_ = TRY(open_proc("ns/net", O_RDONLY));
    return net_namespace_.get();
}

Result<NetNamespace> Trap::net_namespace() {
    const int fd = TRY(client_net_namespace());
    return NetNamespace{TRY(net_namespace_cookie(fd)), fd};
}

Result<bool> Trap::has_interface(uint32_t ifindex) { return interface_exists(TRY(client_net_namespace()), ifindex); }

Result<uint64_t> Trap::cgroup(int fd) { return cgroup_id(TRY(copy_descriptor(fd)).get()); }

Result<void> Trap::pin(const std::string& path, int path_fd, Ref<Object> object) {
    if (path.empty()) return fail(ENOENT, "the path is empty");
    const NewFilePath split = split_new_file(path);
    const Fd directory = TRY(open_path(split.parent, path_fd, O_PATH | O_DIRECTORY));
    return gateway_.bpffs().pin(directory.get(), split, std::move(object));
}

Result<Ref<Object>> Trap::pinned(const std::string& path, int path_fd) {
    return gateway_.bpffs().pinned(TRY(open_path(path, path_fd, O_PATH)).get());
}

Result<bool> Trap::shares_writably(int fd, const void*) {
    struct stat status{};
    if (fstat(fd, &status) != 0) return fail(errno, "cannot stat an object's memfd");
    const Fd smaps = TRY(open_proc("smaps", O_RDONLY));
    return client::shares_writably(smaps.get(), status, nullptr);
}

uint32_t Trap::uid() const {
    struct stat status{};
    return stat(proc_path(tid(), "").data(), &status) == 0 ? status.st_uid : UINT32_MAX;
}

}  // namespace graft::client
