// Notices: what the host's kernel tells about files of ours (inotify): a description was closed, a pin was unlinked, a bpffs unmounted.
//
// One inotify instance a kernel of ours (a user has 128).  drain() acts on everything that happened before it was called; it is called
// before any client's next call is acted on, so that no client can see an object that it has already given up.
//
// Thread safe.  A sink is told on the thread that drains, one notice at a time, and without any lock that watch() or unwatch() takes.
// Equal notices are merged by the host: a notice says that something happened, never how often.  When the queue overflowed
// (fs.inotify.max_queued_events) the sinks are told so and look for themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

class NoticeSink {
public:
    // `watch` is what watch() returned; mask: IN_*.
    virtual void on_notice(int watch, uint32_t mask) = 0;
    // Notices were lost: look what became of everything that is watched.
    virtual void on_overflow() = 0;

protected:
    ~NoticeSink() = default;
};

class Notices {
public:
    // EMFILE: the user's inotify instances are used up.
    static Result<std::unique_ptr<Notices>> create();
    explicit Notices(Fd inotify) : inotify_(std::move(inotify)) {}

    // Watches the inode behind `fd` (a descriptor of this process).  The inode itself is not kept alive by it.
    // ENOSPC: fs.inotify.max_user_watches.
    Result<int> watch(int fd, uint32_t mask, NoticeSink& sink);
    void unwatch(int watch);
    // The watches whose inodes still exist.  A caller that holds the lock under which it calls watch() misses none.
    [[nodiscard]] Result<std::unordered_set<int>> existing() const;

    void drain();

    // Readable when there is something to drain.
    [[nodiscard]] int fd() const { return inotify_.get(); }

private:
    void tell(int watch, uint32_t mask);
    void tell_overflow();

    Fd inotify_;
    std::mutex draining_;  // taken before sinks_lock_
    std::mutex sinks_lock_;
    std::unordered_map<int, NoticeSink*> sinks_;
};

}  // namespace graft::client
