#include "port/netns.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/thread.h"

namespace graft {
namespace {

// glibc of Debian 12 knows it, older kernel headers do not.
constexpr int so_netns_cookie = 71;

Result<void> on_thread(const std::function<Result<void>()>& work) {
    Result<void> result;
    TRY(start_thread([&] { result = work(); })).join();
    return result;
}

}  // namespace

Result<Fd> current_network_namespace() {
    Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd) return fail(errno, "cannot open /proc/thread-self/ns/net");
    return fd;
}

Result<Fd> make_network_namespace() {
    Fd made;
    TRY(on_thread([&]() -> Result<void> {
        if (unshare(CLONE_NEWNET) != 0) return fail(errno, "cannot make a network namespace");
        made = TRY(current_network_namespace());
        return {};
    }));
    return made;
}

Result<void> in_network_namespace(int netns, const std::function<Result<void>()>& work) {
    return on_thread([&]() -> Result<void> {
        if (setns(netns, CLONE_NEWNET) != 0) return fail(errno, "cannot enter a network namespace");
        return work();
    });
}

Result<Fd> network_namespace_of_socket(int socket) {
    Fd fd(ioctl(socket, SIOCGSKNS));
    if (!fd) return fail(errno, "SIOCGSKNS");
    return fd;
}

Result<uint64_t> netns_cookie_of_socket(int socket) {
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    if (getsockopt(socket, SOL_SOCKET, so_netns_cookie, &cookie, &size) != 0) return fail(errno, "SO_NETNS_COOKIE");
    return cookie;
}

Result<uint64_t> netns_cookie(int netns) {
    uint64_t cookie = 0;
    TRY(in_network_namespace(netns, [&]() -> Result<void> {
        const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (!socket) return fail(errno, "socket");
        cookie = TRY(netns_cookie_of_socket(socket.get()));
        return {};
    }));
    return cookie;
}

}  // namespace graft
