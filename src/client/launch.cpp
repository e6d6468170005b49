#include "client/launch.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace graft::client {
namespace {

constexpr size_t max_message = 1 << 17;
constexpr size_t max_descriptors = 8;

const char* filter_reason(int code) {
    switch (code) {
        case EBUSY:
            return "cannot install a second seccomp listener: this process already runs under one (another graft run, or a container "
                   "manager); run "
                   "it outside";
        case ENOSYS:
        case EINVAL:
            return "this host's kernel has no seccomp user notification: Linux 5.9 or later with CONFIG_SECCOMP_FILTER is needed";
        case EACCES:
        case EPERM:
            return "seccomp is not permitted here: allow seccomp(2) in the container's profile";
        default:
            return "cannot install the seccomp filter";
    }
}

}  // namespace

Result<Fd> install_filter(std::span<const sock_filter> filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
    // Killable: a signal that does not kill must not interrupt a call that is half done (5.19).
    const std::array<unsigned long, 2> flags = {SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                                                SECCOMP_FILTER_FLAG_NEW_LISTENER};
    int code = 0;
    for (const unsigned long flag : flags) {
        Fd listener(static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, &program)));
        if (!listener && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
            listener = Fd(static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, &program)));
        if (listener) return listener;
        code = errno;
        if (code != EINVAL) break;
    }
    return fail(code, filter_reason(code));
}

Result<void> send_message(int socket, Bytes bytes, std::span<const int> descriptors) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(max_descriptors * sizeof(int))> control{};
    iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        if (descriptors.size() > max_descriptors) return fail(EINVAL, "too many descriptors in one message");
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail(errno, "cannot send to the other end of the control socket");
    return {};
}

Result<Message> receive_message(int socket) {
    Message received;
    received.bytes.resize(max_message);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(max_descriptors * sizeof(int))> control{};
    iovec data{received.bytes.data(), received.bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return fail(errno, "cannot receive from the control socket");
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            received.descriptors.emplace_back(fd);
        }
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) return fail(EMSGSIZE, "a message on the control socket is too long");
    if ((message.msg_flags & MSG_CTRUNC) != 0) return fail(ENFILE, "no file descriptor is left for what the control socket brings");
    received.bytes.resize(static_cast<size_t>(size));
    return received;
}

}  // namespace graft::client
