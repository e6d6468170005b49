// Network namespaces: make one, work inside one, tell them apart.
//
// Thread safety: all functions may be called from any thread; none changes the caller's namespace (work in another runs on a thread of its
// own).  An open descriptor of a namespace, and every socket in it, keeps it alive: of a client's namespace none is kept beyond a call.
// A namespace is known by its cookie (SO_NETNS_COOKIE): inode numbers are reused at once.
#pragma once

#include <cstdint>
#include <functional>

#include "base/fd.h"
#include "base/result.h"

namespace graft {

// A new network namespace, owned by this process's user namespace.  EPERM without CAP_SYS_ADMIN there.
Result<Fd> make_network_namespace();

// The caller's own.
Result<Fd> current_network_namespace();

// Runs `work` in the namespace behind `netns`, on another thread, and waits for it.
Result<void> in_network_namespace(int netns, const std::function<Result<void>()>& work);

// The namespace in which a socket was made, as a descriptor (SIOCGSKNS: EPERM without CAP_NET_ADMIN in its user namespace).
Result<Fd> network_namespace_of_socket(int socket);

// The cookies of a socket's namespace, and of a namespace.
Result<uint64_t> netns_cookie_of_socket(int socket);
Result<uint64_t> netns_cookie(int netns);

}  // namespace graft
