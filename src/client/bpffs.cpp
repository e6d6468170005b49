#include "client/bpffs.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/fd.h"

namespace graft::client {
namespace {

constexpr mode_t pin_mode = S_IRUSR | S_IWUSR;

std::string path_of(int fd) {
    std::array<char, 32> link;
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    std::array<char, 4096> target;
    const ssize_t length = readlink(link.data(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : std::string();
}

bool lies_below(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

NewFilePath split_new_file(std::string_view path) {
    NewFilePath split;
    const size_t end = path.find_last_not_of('/');
    split.slash = end == std::string_view::npos || end + 1 < path.size();
    path = path.substr(0, end == std::string_view::npos ? 0 : end + 1);
    const size_t slash = path.rfind('/');
    split.name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    split.parent = slash == std::string_view::npos ? (path.empty() ? "/" : ".") : path.substr(0, slash + 1);
    if (split.name == "." || split.name == "..") split.name.clear();
    return split;
}

Bpffs::~Bpffs() {
    for (const auto& [watch, key] : pin_by_watch_) notices_.unwatch(watch);
    for (const auto& [watch, device] : filesystems_) notices_.unwatch(watch);
}

Result<void> Bpffs::add_filesystem(int root) {
    struct stat status{};
    if (fstat(root, &status) != 0) return fail(errno, "cannot stat the bpffs");
    const std::lock_guard guard(lock_);
    // IN_UNMOUNT comes unasked.
    const int watch = TRY(notices_.watch(root, IN_DELETE_SELF, *this));
    filesystems_[watch] = status.st_dev;
    return {};
}

Result<void> Bpffs::add_directory(int directory) {
    std::string path = path_of(directory);
    if (path.empty() || path[0] != '/') return fail(ENOENT, "the directory for pins has no path");
    const std::lock_guard guard(lock_);
    directories_.push_back(std::move(path));
    return {};
}

bool Bpffs::contains_device(dev_t device) const {
    const std::lock_guard guard(lock_);
    return std::any_of(filesystems_.begin(), filesystems_.end(), [&](const auto& entry) { return entry.second == device; });
}

bool Bpffs::contains(int fd) const {
    struct stat status{};
    if (fstat(fd, &status) != 0) return false;
    if (contains_device(status.st_dev)) return true;
    const std::lock_guard guard(lock_);
    if (directories_.empty()) return false;
    const std::string path = path_of(fd);
    return std::any_of(directories_.begin(), directories_.end(), [&](const std::string& directory) { return lies_below(path, directory); });
}

Result<void> Bpffs::pin(int directory, const NewFilePath& path, Ref<Object> object) {
    if (path.name.empty()) return fail(EEXIST, "the path names a directory");
    struct stat status{};
    if (fstatat(directory, path.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return fail(EEXIST, "the path exists");
    if (errno != ENOENT) return fail(errno, "cannot look the path up");
    if (path.slash) return fail(ENOENT, "the path ends in a slash");
    struct statvfs filesystem{};
    if (fstatvfs(directory, &filesystem) == 0 && (filesystem.f_flag & ST_RDONLY) != 0) return fail(EROFS, "the filesystem is read-only");
    if (!contains(directory)) return fail(EPERM, "the path does not lie in a bpffs");
    if (path.name.find('.') != std::string::npos) return fail(EPERM, "a name in a bpffs has no dot");

    // From making the file to knowing it under one lock, so that nobody finds the file and no object behind it.
    UserRef former;
    const std::lock_guard guard(lock_);
    const Fd file(openat(directory, path.name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, pin_mode));
    if (!file) return fail(errno, "cannot make the pin's file");
    if (fstat(file.get(), &status) != 0) return fail(errno, "cannot stat the pin's file");
    const Result<int> watch = notices_.watch(file.get(), IN_DELETE_SELF, *this);
    if (!watch.ok()) {
        unlinkat(directory, path.name.c_str(), 0);
        return watch.error();
    }
    const FileKey key = key_of(status);
    Pin& made = pins_[key];
    former = std::exchange(made.object, std::move(object));  // of a file just unlinked that had the same inode number
    made.watch = *watch;
    pin_by_watch_[*watch] = key;
    return {};
}

Result<Ref<Object>> Bpffs::pinned(int fd) const {
    struct stat status{};
    if (fstat(fd, &status) != 0) return fail(errno, "cannot stat the pin's file");
    const std::lock_guard guard(lock_);
    const auto it = pins_.find(key_of(status));
    if (it == pins_.end()) return fail(EACCES, "the file is not a pin of this kernel");
    return it->second.object.ref();
}

size_t Bpffs::size() const {
    const std::lock_guard guard(lock_);
    return pins_.size();
}

UserRef Bpffs::forget(int watch) {
    filesystems_.erase(watch);
    const auto it = pin_by_watch_.find(watch);
    if (it == pin_by_watch_.end()) return nullptr;
    const auto pin = pins_.find(it->second);
    pin_by_watch_.erase(it);
    // The host gives an inode number away again at once: the number may already be another pin's.
    if (pin == pins_.end() || pin->second.watch != watch) return nullptr;
    UserRef object = std::move(pin->second.object);
    pins_.erase(pin);
    return object;
}

void Bpffs::on_notice(int watch, uint32_t mask) {
    if ((mask & (IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)) == 0) return;
    UserRef dropped;
    const std::lock_guard guard(lock_);
    dropped = forget(watch);
}

void Bpffs::on_overflow() {
    std::vector<UserRef> dropped;
    const std::lock_guard guard(lock_);
    const Result<std::unordered_set<int>> existing = notices_.existing();
    if (!existing.ok()) return;  // a pin then lives on without a name
    const std::unordered_set<int>& alive = *existing;
    std::vector<int> gone;
    for (const auto& [watch, key] : pin_by_watch_) {
        if (!alive.contains(watch)) gone.push_back(watch);
    }
    for (const auto& [watch, device] : filesystems_) {
        if (!alive.contains(watch)) gone.push_back(watch);
    }
    for (const int watch : gone) {
        notices_.unwatch(watch);
        dropped.push_back(forget(watch));
    }
}

}  // namespace graft::client
