#include "client/descriptors.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

namespace graft::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_retry{1}, last_retry{64}, sweep_interval{1000};

// bpftool knows a descriptor's kind by these spellings in /proc/PID/fd.
const char* memfd_name(ObjectKind kind) {
    switch (kind) {
        case ObjectKind::map:
            return "bpf-map";
        case ObjectKind::program:
            return "bpf-prog";
        case ObjectKind::btf:
            return "btf";
        case ObjectKind::link:
            return "bpf-link";
        case ObjectKind::statistics:
            return "bpf-stats";
        case ObjectKind::perf_event:
        case ObjectKind::trace_event:
            return "perf-event";
        case ObjectKind::transaction:
            return "graft-transaction";
    }
    return "bpf";
}

Error no_descriptor(int code) {
    if (code == EMFILE || code == ENFILE)
        return fail(ENFILE, "graft has no file descriptor left for one more object: raise the hard limit of open files");
    return fail(code, "cannot make an object's memfd");
}

// A further description of the same file.  One from memfd_create itself is invisible to fsnotify and to leases.
Result<Fd> reopen(int fd, int flags) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    Fd opened(::open(path.data(), flags | O_CLOEXEC));
    if (!opened) return no_descriptor(errno);
    return opened;
}

// Sealed against growing and shrinking: a client's ftruncate must not take pages away that this process has mapped.
Result<Fd> make_memfd(ObjectKind kind) {
    Fd made(memfd_create(memfd_name(kind), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!made) return no_descriptor(errno);
    if (fcntl(made.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return fail(errno, "cannot seal an object's memfd");
    return made;
}

int open_flags(Access access) {
    switch (access) {
        case Access::read_write:
            return O_RDWR;
        case Access::read_only:
            return O_RDONLY;
        case Access::write_only:
            return O_WRONLY;
    }
    return O_RDWR;
}

}  // namespace

FileKey key_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

size_t Descriptors::default_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
    const auto files = static_cast<size_t>(limit.rlim_cur);
    // The rest is for clients' listeners and what a call opens for a moment.
    return files - std::min<size_t>(files / 4, 1024);
}

Result<std::unique_ptr<Descriptors>> Descriptors::create(Notices& notices, size_t limit) {
    return std::make_unique<Descriptors>(notices, limit);
}

Descriptors::~Descriptors() {
    for (const auto& [watch, key] : by_watch_) notices_.unwatch(watch);
}

Result<Fd> Descriptors::open(const Ref<Object>& object, Access access) {
    const std::lock_guard guard(lock_);
    Held* held = TRY(hold(object));
    Result<Fd> opened = reopen(held->own.get(), open_flags(access));
    if (!opened.ok()) {
        // Nobody may hold it yet; then nothing would ever close.
        pending_[held->key] = {Clock::now(), last_retry};
        return opened.error();
    }
    if (access != Access::read_write) held->restricted = true;
    return opened;
}

Result<Descriptors::Held*> Descriptors::hold(const Ref<Object>& object) {
    if (const auto it = by_object_.find(object.get()); it != by_object_.end()) return &held_.at(it->second);
    if (held_.size() >= limit_) return no_descriptor(ENFILE);

    Fd made;
    int backing = object->backing_fd();
    if (backing < 0) {
        made = TRY(make_memfd(object->object_kind()));
        backing = made.get();
    }
    Fd own = TRY(reopen(backing, O_RDWR));
    // A client that reopens an O_PATH copy while we hold the lease makes the host signal us; by default SIGIO, which kills.
    if (fcntl(own.get(), F_SETSIG, SIGURG) != 0) return fail(errno, "cannot choose the signal of a lease");
    struct stat status{};
    if (fstat(own.get(), &status) != 0) return fail(errno, "cannot stat an object's memfd");
    const int watch = TRY(notices_.watch(own.get(), IN_CLOSE, *this));

    const FileKey key = key_of(status);
    by_object_.emplace(object.get(), key);
    by_watch_.emplace(watch, key);
    return &held_.insert_or_assign(key, Held{object, std::move(own), key, watch, false}).first->second;
}

Descriptors::Found Descriptors::find(const FileKey& key) const {
    const std::lock_guard guard(lock_);
    const auto it = held_.find(key);
    if (it == held_.end()) return {};
    return {it->second.object.ref(), it->second.restricted};
}

Error Descriptors::unknown(std::string_view link) {
    if (link.empty()) return fail(EBADF, "the descriptor was closed meanwhile");
    constexpr std::string_view memfd = "/memfd:";
    if (link.starts_with(memfd)) {
        link.remove_prefix(memfd.size());
        if (link.starts_with(closed_name)) return fail(EBADF, "a program has closed this descriptor");
        for (const ObjectKind kind : {ObjectKind::map, ObjectKind::program, ObjectKind::btf, ObjectKind::link, ObjectKind::statistics,
                                      ObjectKind::perf_event, ObjectKind::transaction}) {
            const std::string_view name = memfd_name(kind);
            if (link == name || (link.starts_with(name) && link[name.size()] == ' '))
                return fail(EBADF, "the BPF object of this descriptor is gone");
        }
    }
    return fail(EINVAL, "the descriptor is not a BPF object");
}

size_t Descriptors::size() const {
    const std::lock_guard guard(lock_);
    return held_.size();
}

UserRef Descriptors::drop_if_last(const FileKey& key) {
    const auto it = held_.find(key);
    if (it == held_.end()) return nullptr;
    Held& held = it->second;
    if (fcntl(held.own.get(), F_SETLEASE, F_WRLCK) != 0) return nullptr;
    notices_.unwatch(held.watch);
    UserRef object = std::move(held.object);
    by_object_.erase(object.get());
    by_watch_.erase(held.watch);
    held_.erase(it);  // closes `own`, and with it the lease
    return object;
}

void Descriptors::on_notice(int watch, uint32_t mask) {
    if ((mask & IN_CLOSE) == 0) return;
    UserRef dead;
    const std::lock_guard guard(lock_);
    const auto it = by_watch_.find(watch);
    if (it == by_watch_.end()) return;
    const FileKey key = it->second;
    dead = drop_if_last(key);
    if (dead) return;
    pending_[key] = {Clock::now() + first_retry, first_retry};
}

void Descriptors::on_overflow() { sweep(); }

void Descriptors::collect() {
    test_pending();
    if (Clock::now() - last_sweep_.load(std::memory_order_relaxed) >= sweep_interval) sweep();
}

// Tests all that are pending, due or not: the close that was refused a moment ago may have returned, and its client may be the one that
// calls.
void Descriptors::test_pending() {
    std::vector<UserRef> dead;
    const std::lock_guard guard(lock_);
    const Clock::time_point now = Clock::now();
    for (auto it = pending_.begin(); it != pending_.end();) {
        Pending& pending = it->second;
        UserRef object = drop_if_last(it->first);
        bool done = static_cast<bool>(object) || !held_.contains(it->first);
        if (!done && now >= pending.next) {
            done = pending.delay >= last_retry;
            pending.delay *= 2;
            pending.next = now + pending.delay;
        }
        if (object) dead.push_back(std::move(object));
        it = done ? pending_.erase(it) : std::next(it);
    }
}

// Tests every object, some at a time, so that no call waits for all of them.
void Descriptors::sweep() {
    constexpr size_t step = 256;
    std::vector<FileKey> keys;
    {
        const std::lock_guard guard(lock_);
        keys.reserve(held_.size());
        for (const auto& [key, held] : held_) keys.push_back(key);
        last_sweep_.store(Clock::now(), std::memory_order_relaxed);
    }
    for (size_t at = 0; at < keys.size(); at += step) {
        std::vector<UserRef> dead;
        const std::lock_guard guard(lock_);
        for (size_t i = at; i < std::min(at + step, keys.size()); ++i) {
            if (UserRef object = drop_if_last(keys[i])) dead.push_back(std::move(object));
        }
    }
}

milliseconds Descriptors::next_collect() const {
    const std::lock_guard guard(lock_);
    if (held_.empty()) return milliseconds(-1);
    const Clock::time_point now = Clock::now();
    Clock::time_point next = last_sweep_.load(std::memory_order_relaxed) + sweep_interval;
    for (const auto& [key, pending] : pending_) next = std::min(next, pending.next);
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(next - now));
}

}  // namespace graft::client
