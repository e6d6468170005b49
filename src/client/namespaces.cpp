#include "client/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/bpffs.h"
#include "client/mounts.h"
#include "hook/tracepoints.h"

namespace graft::client {
namespace {

constexpr const char* bpffs_directory = "/sys/fs/bpf";
constexpr const char* tracefs_directory = "/sys/kernel/tracing";
constexpr const char* ours = "graft";        // the first word of the lines of what else we mount
constexpr const char* bpffs_source = "bpf";  // the first word of its line in the table of mounts, by which write_mounts knows it

bool write_file(const char* path, const std::string& text) {
    const Fd file(open(path, O_WRONLY | O_CLOEXEC));
    return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string because(std::string what, int code) { return std::move(what) + ": " + std::strerror(code); }

// With the privilege to, directly; else in a user namespace in which this user is root.
Result<bool> unshare_namespaces() {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) == 0) return false;
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0) return fail(errno, "unshare");
    write_file("/proc/self/setgroups", "deny");
    if (!write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") ||
        !write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1"))
        return fail(errno, "uid_map");
    return true;
}

Result<void> set_loopback_up() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (!socket || ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return fail(errno, "cannot read the flags of lo");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return fail(errno, "cannot set lo up");
    return {};
}

Result<Fd> mount_bpffs() {
    TRY(provide_directory(bpffs_directory));
    if (mount(bpffs_source, bpffs_directory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=4m") != 0)
        return fail(errno, "cannot mount a tmpfs");
    Fd root(open(bpffs_directory, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return fail(errno, "cannot open the bpffs");
    return root;
}

// A /run of our own: what clients lock there (xdp-loader does) they lock among themselves, and an ordinary user may.
// In it a place for `ip netns`, apart from the host's.
Result<void> mount_run() {
    TRY(cover("/run"));
    TRY(provide_directory("/run/netns"));
    if (mount(ours, "/run/netns", "tmpfs", 0, "mode=755") != 0) return fail(errno, "cannot mount a tmpfs");
    return {};
}

Result<void> mount_vmlinux_btf(Bytes btf) {
    TRY(provide_directory("/sys/kernel/btf"));
    if (mount(ours, "/sys/kernel/btf", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") != 0)
        return fail(errno, "cannot mount a tmpfs");
    const Fd file(open("/sys/kernel/btf/vmlinux", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
    if (!file || fchmod(file.get(), 0444) != 0 || write(file.get(), btf.data(), btf.size()) != static_cast<ssize_t>(btf.size()))
        return fail(errno, "cannot write the vmlinux BTF");
    return {};
}

bool make_file(const std::string& path, const std::string& text) {
    const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
    return file && fchmod(file.get(), 0444) == 0 && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// What clients look for in tracefs: the ids of graft's tracepoints, and what programs print.
Result<Fd> mount_tracefs() {
    const std::string root = tracefs_directory;
    TRY(provide_directory(root.c_str()));
    if (mount(ours, root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755") != 0) return fail(errno, "cannot mount a tmpfs");
    bool made = make_file(root + "/trace", "");
    for (const Tracepoint& event : tracepoints()) {
        const std::string directory = root + "/events/" + event.system + "/" + event.name, id = std::to_string(event.id);
        std::error_code ignored;
        std::filesystem::create_directories(directory, ignored);
        made = made && make_file(directory + "/id", id + "\n");
        made = made && make_file(directory + "/format", std::string("name: ") + event.name + "\nID: " + id + "\nformat:\n" + event.format);
    }
    const std::string pipe_path = root + "/trace_pipe";
    Fd pipe(mkfifo(pipe_path.c_str(), 0444) == 0 ? open(pipe_path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1);
    if (!made || !pipe || fchmod(pipe.get(), 0444) != 0) return fail(EIO, "cannot write to the tmpfs");
    // Where the host has it, too.
    constexpr const char* other = "/sys/kernel/debug/tracing";
    if (access(other, F_OK) == 0) (void)!mount(root.c_str(), other, nullptr, MS_BIND, nullptr);
    return pipe;
}

// A file of ours in place of /proc/mounts; it lies in a tmpfs that is mounted nowhere else.
Result<Fd> mount_mounts_file() {
    constexpr const char* place = "/proc/mounts";
    if (mount(ours, bpffs_directory, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=4m") != 0)
        return fail(errno, "cannot mount a tmpfs");
    const std::string path = std::string(bpffs_directory) + "/mounts";
    Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0444));
    Result<Fd> tree = clone_mount(path);
    umount2(bpffs_directory, MNT_DETACH);
    if (!file || fchmod(file.get(), 0444) != 0) return fail(errno, "cannot make a file");
    TRY(attach_mount(TRY(std::move(tree)).get(), place));
    return file;
}

Fd own_namespace(const char* name) { return Fd(open((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY | O_CLOEXEC)); }

}  // namespace

Namespaces make_namespaces(Bytes vmlinux_btf) {
    Namespaces made;
    const Result<bool> unshared = unshare_namespaces();
    if (!unshared.ok()) {
        made.missing.push_back(because("no user namespaces here, so clients share the host's network and mounts", unshared.code()));
        return made;
    }
    if (unshared.value()) made.user = own_namespace("user");
    made.mount = own_namespace("mnt");
    made.net = own_namespace("net");
    // What the host mounts later is seen; what is mounted here is not seen there.
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
        made.missing.push_back(because("mounting is not permitted here", errno));
        return made;
    }
    const auto note = [&](const auto& result, const char* what) {
        if (!result.ok()) made.missing.push_back(because(what, result.code()));
    };
    note(set_loopback_up(), "the loopback interface is down");
    note(remount_sysfs(), "/sys shows the host's interfaces");
    note(mount_vmlinux_btf(vmlinux_btf), "/sys/kernel/btf/vmlinux is not graft's");
    note(mount_run(), "'ip netns' has no directory of its own");
    Result<Fd> mounts = provide_directory(bpffs_directory).ok() ? mount_mounts_file() : fail(ENOENT);
    note(mounts, "/proc/mounts does not show the bpffs, so 'bpftool -f' finds no pins");
    if (mounts.ok()) made.mounts_file = std::move(*mounts);
    Result<Fd> bpffs = mount_bpffs();
    note(bpffs, "no bpffs on /sys/fs/bpf");
    if (bpffs.ok()) made.bpffs = std::move(*bpffs);
    Result<Fd> trace_pipe = mount_tracefs();
    note(trace_pipe, "/sys/kernel/tracing is not graft's");
    if (trace_pipe.ok()) made.trace_pipe = std::move(*trace_pipe);
    if (made.mounts_file) write_mounts(made.mounts_file.get());
    return made;
}

void write_mounts(int mounts_file) {
    std::ifstream lines("/proc/self/mounts");
    std::string text;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string source, point, type, rest;
        fields >> source >> point >> type;
        std::getline(fields, rest);
        if (point == "/proc/mounts") continue;
        if (source == bpffs_source && type == "tmpfs") type = "bpf";
        if (source == ours && point == tracefs_directory) type = "tracefs";
        text += source + ' ' + point + ' ' + type + rest + '\n';
    }
    // In one write; who reads meanwhile may see the end of the former text.
    if (pwrite(mounts_file, text.data(), text.size(), 0) < 0 || ftruncate(mounts_file, static_cast<off_t>(text.size())) != 0) return;
}

std::string hidden_children() {
    constexpr unsigned cap_sys_ptrace = 19;
    int scope = 0;
    std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
    uint64_t effective = 0;
    std::ifstream lines("/proc/self/status");
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("CapEff:")) effective = std::strtoull(line.c_str() + 7, nullptr, 16);
    }
    if (scope == 0 || (effective >> cap_sys_ptrace & 1) != 0) return {};
    return "processes that a client starts cannot use bpf(2): kernel.yama.ptrace_scope is " + std::to_string(scope) +
           ", and without a user namespace graft has no privilege";
}

Result<void> enter(const Namespaces& namespaces, Network network) {
    std::error_code ignored;
    const std::filesystem::path directory = std::filesystem::current_path(ignored);
    if (namespaces.user && setns(namespaces.user.get(), CLONE_NEWUSER) != 0) return fail(errno, "cannot enter the kernel's user namespace");
    if (namespaces.net && network == Network::own && setns(namespaces.net.get(), CLONE_NEWNET) != 0)
        return fail(errno, "cannot enter the kernel's network namespace");
    if (!namespaces.mount) return {};
    if (setns(namespaces.mount.get(), CLONE_NEWNS) != 0) return fail(errno, "cannot enter the kernel's mount namespace");
    // Graft's sysfs shows graft's interfaces.
    if (namespaces.net && network == Network::host) TRY(reveal_sysfs({ours, bpffs_source}));
    if (directory.empty() || chdir(directory.c_str()) != 0)
        return fail(ENOENT, "the working directory does not exist where the kernel was started: run 'graft down' first, or use --private");
    return {};
}

}  // namespace graft::client
