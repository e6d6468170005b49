// NetNamespaceScope: the calling thread is in another network namespace while it lives.
//
// Not thread safe; made and destroyed on one thread.  ENETDOWN never: a namespace that cannot be entered is EPERM, one that is gone ESRCH.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace graft::client {

class NetNamespaceScope {
public:
    // `fd`: of /proc/PID/ns/net.  When the thread is already there, nothing is switched (and no privilege needed).
    static Result<NetNamespaceScope> enter(int fd);

    NetNamespaceScope(NetNamespaceScope&& other) noexcept = default;
    NetNamespaceScope& operator=(NetNamespaceScope&&) = delete;
    ~NetNamespaceScope();

private:
    explicit NetNamespaceScope(Fd home) : home_(std::move(home)) {}
    Fd home_;  // where to go back to; none: nothing was switched
};

// The host's number of a network namespace, never reused (SO_NETNS_COOKIE).
Result<uint64_t> net_namespace_cookie(int fd);
// Whether an interface of this index exists there.
Result<bool> interface_exists(int fd, uint32_t ifindex);

}  // namespace graft::client
