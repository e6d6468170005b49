#include "client/notices.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace graft::client {
Result<std::unique_ptr<Notices>> Notices::create() {
    Fd inotify(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!inotify) return fail(errno, "no inotify instance left: raise fs.inotify.max_user_instances or the limit of open files");
    return std::make_unique<Notices>(std::move(inotify));
}

Result<int> Notices::watch(int fd, uint32_t mask, NoticeSink& sink) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    // Under the lock that tell() takes: a notice may be read by another thread before the number is in the map.
    const std::lock_guard guard(sinks_lock_);
    const int watch = inotify_add_watch(inotify_.get(), path.data(), mask);
    if (watch < 0)
        return fail(errno, errno == ENOSPC ? "no inotify watch left: raise fs.inotify.max_user_watches" : "inotify_add_watch failed");
    sinks_[watch] = &sink;
    return watch;
}

void Notices::unwatch(int watch) {
    const std::lock_guard guard(sinks_lock_);
    if (sinks_.erase(watch) != 0) inotify_rm_watch(inotify_.get(), watch);
}

void Notices::tell(int watch, uint32_t mask) {
    NoticeSink* sink = nullptr;
    {
        const std::lock_guard guard(sinks_lock_);
        const auto it = sinks_.find(watch);
        if (it == sinks_.end()) return;
        sink = it->second;
        if ((mask & IN_IGNORED) != 0) sinks_.erase(it);
    }
    sink->on_notice(watch, mask);
}

void Notices::drain() {
    const std::lock_guard guard(draining_);
    alignas(inotify_event) std::array<std::byte, 16384> buffer;
    for (;;) {
        const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (size <= 0) return;
        for (size_t at = 0; at + sizeof(inotify_event) <= static_cast<size_t>(size);) {
            inotify_event event;  // without its name, which ends it: files have none
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                tell_overflow();
            } else {
                tell(event.wd, event.mask);
            }
            at += sizeof(event) + event.len;
        }
        // A short read emptied the queue; what comes later is after our call.
        if (static_cast<size_t>(size) < buffer.size() / 2) return;
    }
}

void Notices::tell_overflow() {
    std::unordered_set<NoticeSink*> sinks;
    {
        const std::lock_guard guard(sinks_lock_);
        for (const auto& [watch, sink] : sinks_) sinks.insert(sink);
    }
    for (NoticeSink* sink : sinks) sink->on_overflow();
}

// The host lists an instance's watches in its fdinfo.
Result<std::unordered_set<int>> Notices::existing() const {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(inotify_.get()));
    if (!lines) return fail(EIO, "cannot read the inotify instance's fdinfo");
    std::unordered_set<int> found;
    for (std::string line; std::getline(lines, line);) {
        unsigned watch = 0;
        if (std::sscanf(line.c_str(), "inotify wd:%x", &watch) == 1) found.insert(static_cast<int>(watch));
    }
    return found;
}

}  // namespace graft::client
