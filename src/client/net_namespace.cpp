#include "client/net_namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>

namespace graft::client {
namespace {

Result<Fd> plain_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail(errno, "cannot make a socket");
    return socket;
}

}  // namespace

Result<NetNamespaceScope> NetNamespaceScope::enter(int fd) {
    Fd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!home) return fail(errno, "cannot open this thread's network namespace");
    struct stat here{}, there{};
    if (fstat(home.get(), &here) != 0 || fstat(fd, &there) != 0) return fail(errno, "cannot stat a network namespace");
    if (here.st_dev == there.st_dev && here.st_ino == there.st_ino) return NetNamespaceScope(Fd());
    if (setns(fd, CLONE_NEWNET) != 0) return fail(errno, "cannot enter the client's network namespace");
    return NetNamespaceScope(std::move(home));
}

NetNamespaceScope::~NetNamespaceScope() {
    // A thread that stayed in a client's namespace would act on the wrong interfaces from now on.
    if (home_ && setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

Result<uint64_t> net_namespace_cookie(int fd) {
    const NetNamespaceScope scope = TRY(NetNamespaceScope::enter(fd));
    const Fd socket = TRY(plain_socket());
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    if (getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0)
        return fail(errno, "the host does not number network namespaces");
    return cookie;
}

Result<bool> interface_exists(int fd, uint32_t ifindex) {
    const NetNamespaceScope scope = TRY(NetNamespaceScope::enter(fd));
    const Fd socket = TRY(plain_socket());
    ifreq request{};
    request.ifr_ifindex = static_cast<int>(ifindex);
    return ioctl(socket.get(), SIOCGIFNAME, &request) == 0;
}

}  // namespace graft::client
