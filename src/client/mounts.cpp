#include "client/mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace graft::client {
namespace {

namespace fs = std::filesystem;

constexpr unsigned open_tree_clone = 1, recursive = 0x8000, empty_from = 4, empty_to = 0x40;

struct Entry {
    std::string path;
    Fd tree;             // what is there; none: a symbolic link
    std::string target;  // of the symbolic link
    bool directory = false;
};

std::vector<Entry> entries_of(const std::string& directory) {
    std::vector<Entry> entries;
    std::error_code ignored;
    for (const fs::directory_entry& found : fs::directory_iterator(directory, fs::directory_options::skip_permission_denied, ignored)) {
        Entry entry;
        entry.path = found.path();
        if (found.is_symlink(ignored)) {
            entry.target = fs::read_symlink(found.path(), ignored);
        } else if (Result<Fd> tree = clone_mount(entry.path); tree.ok()) {
            entry.tree = std::move(*tree);
            entry.directory = found.is_directory(ignored);
        } else {
            continue;  // what cannot be copied is not seen
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

// The mount points below a directory that are not below another of them.  sources: only mounts of these; none: of any.
std::vector<std::string> mounts_below(const std::string& directory, std::initializer_list<std::string_view> sources = {}) {
    std::vector<std::string> found;
    std::ifstream lines("/proc/self/mountinfo");
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string skip, point, source;
        fields >> skip >> skip >> skip >> skip >> point;
        while (fields >> skip && skip != "-") continue;  // options, and fields that may be there
        fields >> skip >> source;
        const bool wanted = sources.size() == 0 || std::find(sources.begin(), sources.end(), source) != sources.end();
        if (wanted && point.starts_with(directory + "/")) found.push_back(point);
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> top;
    for (const std::string& point : found) {
        if (top.empty() || (point != top.back() && !point.starts_with(top.back() + "/"))) top.push_back(point);
    }
    return top;
}

struct Kept {
    std::string path;
    Fd tree;
};

std::vector<Kept> copies_of(const std::vector<std::string>& points) {
    std::vector<Kept> kept;
    for (const std::string& point : points) {
        if (Result<Fd> tree = clone_mount(point); tree.ok()) kept.push_back({point, std::move(*tree)});
    }
    return kept;
}

}  // namespace

Result<Fd> clone_mount(const std::string& path) {
    Fd tree(static_cast<int>(syscall(SYS_open_tree, AT_FDCWD, path.c_str(), open_tree_clone | O_CLOEXEC | recursive)));
    if (!tree) return fail(errno, "cannot copy a mount");
    return tree;
}

Result<void> attach_mount(int tree, const std::string& path) {
    const Fd place(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!place) return fail(errno, "cannot open a mount point");
    if (syscall(SYS_move_mount, tree, "", place.get(), "", empty_from | empty_to) != 0) return fail(errno, "cannot attach a mount");
    return {};
}

Result<void> cover(const std::string& directory) {
    struct stat status{};
    if (stat(directory.c_str(), &status) != 0) return fail(errno, "cannot look at a directory that is to be covered");
    const std::vector<Entry> entries = entries_of(directory);
    const std::string options = "mode=" + std::string((status.st_mode & S_IWOTH) != 0 ? "1777" : "755");
    if (mount("graft", directory.c_str(), "tmpfs", 0, options.c_str()) != 0) return fail(errno, "cannot mount a tmpfs");
    for (const Entry& entry : entries) {
        if (!entry.tree) {
            if (symlink(entry.target.c_str(), entry.path.c_str()) != 0) return fail(errno, "cannot copy a symbolic link");
            continue;
        }
        const int made = entry.directory ? mkdir(entry.path.c_str(), 0755) : mknod(entry.path.c_str(), S_IFREG | 0644, 0);
        if (made != 0) return fail(errno, "cannot copy a directory's entry");
        // Removed from the host's directory meanwhile, or not to be mounted: not seen.
        if (!attach_mount(entry.tree.get(), entry.path).ok()) remove(entry.path.c_str());
    }
    return {};
}

Result<void> provide_directory(const std::string& path) {
    struct stat status{};
    if (stat(path.c_str(), &status) == 0) return {};
    const std::string parent = fs::path(path).parent_path();
    if (parent.empty() || parent == path) return fail(ENOENT, "a directory has no parent");
    TRY(provide_directory(parent));
    // Never in the host's own filesystem: what is made there would stay.
    TRY(cover(parent));
    if (mkdir(path.c_str(), 0755) != 0) return fail(errno, "cannot make a directory");
    return {};
}

Result<void> remount_sysfs() {
    const std::vector<Kept> kept = copies_of(mounts_below("/sys"));
    if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) return fail(errno, "cannot mount a sysfs");
    for (const Kept& mount : kept) {
        const Result<void> attached = attach_mount(mount.tree.get(), mount.path);
        if (!attached.ok() && attached.code() != ENOENT) return attached;
    }
    return {};
}

Result<void> reveal_sysfs(std::initializer_list<std::string_view> sources) {
    if (unshare(CLONE_NEWNS) != 0) return fail(errno, "cannot make a mount namespace");
    const std::vector<Kept> kept = copies_of(mounts_below("/sys", sources));
    if (umount2("/sys", MNT_DETACH) != 0) return fail(errno, "cannot unmount graft's sysfs");
    for (const Kept& mount : kept) {
        TRY(provide_directory(mount.path));
        TRY(attach_mount(mount.tree.get(), mount.path));
    }
    return {};
}

}  // namespace graft::client
