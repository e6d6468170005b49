#include "client/bpffs_traps.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/thread.h"
#include "client/privilege.h"

namespace graft::client {
namespace {

constexpr size_t path_limit = 4096;

// A bpffs counts nothing.
Outcome answer_statfs(Gateway& gateway, Trap& trap, int fd) {
    struct statfs status{};
    if (!gateway.bpffs().contains(fd) || fstatfs(fd, &status) != 0) return Outcome::proceed();
    status.f_type = bpffs_magic;
    status.f_blocks = status.f_bfree = status.f_bavail = status.f_files = status.f_ffree = 0;
    const Result<void> written = trap.write_value(trap.argument(1), status);
    return written.ok() ? Outcome::value(0) : Outcome::error(written.error());
}

// What we cannot look up, the host refuses in its own words.
Outcome handle_statfs(Gateway& gateway, Trap& trap) {
    Result<std::string> path = trap.read_string(trap.argument(0), path_limit);
    if (!path.ok()) return Outcome::proceed();
    const Result<Fd> file = trap.open_path(*path, -1, O_PATH);
    return file.ok() ? answer_statfs(gateway, trap, file.value().get()) : Outcome::proceed();
}

Outcome handle_fstatfs(Gateway& gateway, Trap& trap) {
    std::array<char, 16> name;
    std::snprintf(name.data(), name.size(), "fd/%d", trap.int_argument(0));
    const Result<Fd> file = trap.open_proc(name.data(), O_PATH);
    return file.ok() ? answer_statfs(gateway, trap, file.value().get()) : Outcome::proceed();
}

// Of a bpffs's options a tmpfs knows the same three; Linux passes over what it does not know.
std::string tmpfs_options(std::string_view options) {
    std::string kept = "size=4m";
    bool mode = false;
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
        if (option.starts_with("mode=")) mode = true;
        if (option.starts_with("mode=") || option.starts_with("uid=") || option.starts_with("gid=")) kept.append(",").append(option);
    }
    return mode ? kept : kept + ",mode=1777";
}

// Mounts in the client's mount namespace.  On a thread of its own, since a thread that has entered a mount namespace has lost its working
// directory.
Result<void> mount_in(int mount_namespace, int target, const std::string& options, unsigned long flags) {
    Result<void> mounted;
    TRY(start_thread([&] {
        std::array<char, 32> path;
        std::snprintf(path.data(), path.size(), "/proc/thread-self/fd/%d", target);
        if (unshare(CLONE_FS) != 0 || setns(mount_namespace, CLONE_NEWNS) != 0 ||
            mount("bpf", path.data(), "tmpfs", flags, options.c_str()) != 0)
            mounted = fail(errno, "cannot mount a bpffs");
    })).join();
    return mounted;
}

Outcome handle_mount(Gateway& gateway, Trap& trap) {
    constexpr unsigned long other_operations = MS_BIND | MS_MOVE | MS_REMOUNT | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    const unsigned long flags = trap.argument(3);
    if ((flags & other_operations) != 0 || trap.argument(2) == 0) return Outcome::proceed();
    Result<std::string> type = trap.read_string(trap.argument(2), path_limit);
    if (!type.ok() || *type != "bpf") return Outcome::proceed();

    Result<std::string> path = trap.read_string(trap.argument(1), path_limit);
    if (!path.ok()) return Outcome::error(path.error());
    std::string options;
    if (trap.argument(4) != 0) {
        Result<std::string> given = trap.read_string(trap.argument(4), path_limit);
        if (!given.ok()) return Outcome::error(given.error());
        options = *given;
    }
    const Result<Fd> target = trap.open_path(*path, -1, O_PATH);
    if (!target.ok()) return Outcome::error(target.error());
    const Result<Fd> mount_namespace = trap.open_proc("ns/mnt", O_RDONLY);
    if (!mount_namespace.ok()) return Outcome::error(mount_namespace.error());
    if (!has_capability(trap, CAP_SYS_ADMIN, mount_namespace.value().get())) return Outcome::error(EPERM);
    const Result<void> mounted = mount_in(mount_namespace.value().get(), target.value().get(), tmpfs_options(options), flags);
    if (!mounted.ok()) return Outcome::error(mounted.error());
    const Result<Fd> root = trap.open_path(*path, -1, O_PATH | O_DIRECTORY);
    if (!root.ok()) return Outcome::error(root.error());
    const Result<void> added = gateway.bpffs().add_filesystem(root.value().get());
    return added.ok() ? Outcome::value(0) : Outcome::error(added.error());
}

TrapRow row(int number, Gateway& gateway, Outcome (*handle)(Gateway&, Trap&)) {
    TrapRow made;
    made.number = number;
    made.handle = [&gateway, handle](const std::shared_ptr<Trap>& trap) { return handle(gateway, *trap); };
    return made;
}

}  // namespace

std::vector<TrapRow> bpffs_traps(Gateway& gateway) {
    std::vector<TrapRow> rows = {row(SYS_statfs, gateway, handle_statfs), row(SYS_fstatfs, gateway, handle_fstatfs),
                                 row(SYS_mount, gateway, handle_mount)};
    rows.back().slow = [](const seccomp_data&) { return true; };
    return rows;
}

}  // namespace graft::client
