#include "client/rtnetlink_traps.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "client/privilege.h"
#include "client/rtnetlink_waiter.h"
#include "client/user_message.h"
#include "port/netns.h"

namespace graft::client {
namespace {

constexpr int first_number = 960, last_number = 1015;

// What all rows share.
struct Shared {
    Rtnetlink& rtnetlink;
    EventLoop& loop;
    std::mutex numbering;  // from the choice of a number to its use
};

class TaskClient final : public LinkClient {
public:
    explicit TaskClient(Trap& trap) : trap_(trap) {}

    Result<DescriptorRef> descriptor(int fd) override { return trap_.descriptor(fd); }
    bool may_administer(int netns) override { return has_capability(trap_, CAP_NET_ADMIN, netns); }
    void tell(const std::string& line) override {
        trap_.tell(line);
        std::fputs(line.c_str(), stderr);
    }

    Result<Fd> net_namespace(NamespaceNumber number) override {
        if (number.type == IFLA_NET_NS_PID) return namespace_of_process(number.number);
        Fd copy = TRY(trap_.copy_descriptor(number.number));
        if (ioctl(copy.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return fail(EINVAL);
        return copy;
    }

    [[nodiscard]] uint32_t process() const override {
        // Its own number for itself: the last of NStgid.
        const Result<Fd> file = trap_.open_proc("status", O_RDONLY);
        std::array<char, 4096> text;
        const ssize_t size = file.ok() ? ::read(file.value().get(), text.data(), text.size() - 1) : -1;
        if (size <= 0) return 0;
        text[static_cast<size_t>(size)] = '\0';
        const char* at = std::strstr(text.data(), "\nNStgid:");
        uint32_t number = 0;
        int taken = 0;
        if (at != nullptr) at += std::strlen("\nNStgid:");
        while (at != nullptr && std::sscanf(at, " %u%n", &number, &taken) == 1 && *at != '\n') at += taken;
        return number;
    }

private:
    // As the client's /proc numbers processes.
    Result<Fd> namespace_of_process(int process) {
        const Result<Fd> directory = trap_.open_path("/proc/" + std::to_string(process), -1, O_PATH | O_DIRECTORY);
        struct statfs kind{};
        if (!directory.ok() || fstatfs(directory.value().get(), &kind) != 0 || kind.f_type != PROC_SUPER_MAGIC) return fail(ESRCH);
        Fd netns(openat(directory.value().get(), "ns/net", O_RDONLY | O_CLOEXEC));
        if (!netns) return fail(ESRCH);
        return netns;
    }

    Trap& trap_;
};

// Why graft cannot answer a call.  Mostly it is the host's to carry out or to refuse; but what graft itself lacks must not lead the client
// past it.
Outcome left_to_host(const Error& error) {
    const bool shortage = error.code == EAGAIN || error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM;
    return shortage ? Outcome::error(ENOBUFS) : Outcome::proceed();
}

// The client's descriptor, when it is an rtnetlink socket.
Result<Fd> rtnetlink_socket(Trap& trap, int fd) {
    Fd copy = TRY(trap.copy_descriptor(fd));
    int domain = 0, protocol = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(copy.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) return fail(EINVAL);
    size = sizeof protocol;
    if (getsockopt(copy.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 || protocol != NETLINK_ROUTE) return fail(EINVAL);
    return copy;
}

// --- numbers
// -------------------------------------------------------------------------------------------------------------------------------

Outcome give_number(Shared& shared, Trap& trap, int fd, int at_least, bool cloexec) {
    const std::lock_guard guard(shared.numbering);
    for (int number = std::max(first_number, at_least); number <= last_number; ++number) {
        const Result<struct stat> taken = trap.stat_descriptor(number);
        if (taken.ok()) continue;
        if (taken.code() != EBADF) return Outcome::error(taken.error());
        const Result<int> given = trap.install(fd, number, cloexec);
        if (given.ok()) return Outcome::value(*given);
        if (given.code() != EBADF) return Outcome::error(given.error());
        trap.tell("graft: the limit of open files (ulimit -n) is below 1016: this program does not see graft's XDP programs\n");
        return Outcome::proceed();
    }
    return Outcome::error(EMFILE);
}

Outcome handle_socket(Shared& shared, Trap& trap) {
    const int type = trap.int_argument(1);
    const int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (kind != SOCK_RAW && kind != SOCK_DGRAM) return Outcome::proceed();
    const Result<NetNamespace> where = trap.net_namespace();
    if (!where.ok()) return left_to_host(where.error());
    Fd socket;
    const Result<void> made = in_network_namespace(where.value().fd, [&]() -> Result<void> {
        socket = Fd(::socket(AF_NETLINK, kind | SOCK_CLOEXEC | (type & SOCK_NONBLOCK), NETLINK_ROUTE));
        if (!socket) return fail(errno);
        return {};
    });
    if (!made.ok()) return left_to_host(made.error());
    return give_number(shared, trap, socket.get(), first_number, (type & SOCK_CLOEXEC) != 0);
}

Outcome handle_dup(Shared& shared, Trap& trap) {
    const Result<Fd> socket = rtnetlink_socket(trap, trap.int_argument(0));
    return socket.ok() ? give_number(shared, trap, socket.value().get(), first_number, false) : left_to_host(socket.error());
}

Outcome handle_fcntl(Shared& shared, Trap& trap) {
    const Result<Fd> socket = rtnetlink_socket(trap, trap.int_argument(0));
    const int at_least = trap.int_argument(2);
    if (!socket.ok()) return left_to_host(socket.error());
    if (at_least < 0 || at_least > last_number) return Outcome::proceed();
    return give_number(shared, trap, socket.value().get(), at_least, trap.int_argument(1) == F_DUPFD_CLOEXEC);
}

// --- datagrams
// -----------------------------------------------------------------------------------------------------------------------------

bool is_connected(int socket) {
    sockaddr_nl peer{};
    socklen_t size = sizeof peer;
    return getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && (peer.nl_pid != 0 || peer.nl_groups != 0);
}

Outcome handle_send(Shared& shared, Trap& trap) {
    const Result<Fd> socket = rtnetlink_socket(trap, trap.int_argument(0));
    if (!socket.ok()) return left_to_host(socket.error());
    const Result<OutgoingMessage> message = read_outgoing(trap);
    // What cannot be read the host refuses; to another process graft has nothing to say.
    if (!message.ok() || !message.value().to_kernel) return Outcome::proceed();
    if (!message.value().has_name && is_connected(socket.value().get())) return Outcome::proceed();
    TaskClient client(trap);
    const auto sent = shared.rtnetlink.send(client, socket.value().get(), message.value().bytes);
    if (!sent) return Outcome::proceed();
    if (!sent->ok()) return Outcome::error(sent->error());
    const Result<int64_t> written = write_sent(trap, sent->value());
    return written.ok() ? Outcome::value(written.value()) : Outcome::error(written.error());
}

Outcome handle_receive(Shared& shared, const std::shared_ptr<Trap>& trap) {
    Result<Fd> socket = rtnetlink_socket(*trap, trap->int_argument(0));
    if (!socket.ok()) return left_to_host(socket.error());
    const Result<IncomingMessage> message = read_incoming(*trap);
    if (!message.ok()) return Outcome::error(message.error());
    if (message.value().native) return Outcome::proceed();
    return receive_or_wait(shared.rtnetlink, shared.loop, trap, std::move(*socket), message.value());
}

}  // namespace

std::vector<TrapRow> rtnetlink_traps(Rtnetlink& rtnetlink, EventLoop& loop) {
    const auto shared = std::make_shared<Shared>(rtnetlink, loop);
    const auto always_slow = [](const seccomp_data&) { return true; };
    const ArgumentTest ours{0, first_number, last_number};
    std::vector<TrapRow> rows;
    const auto add = [&](int number, std::vector<ArgumentTest> when, auto handle) {
        TrapRow row;
        row.number = number;
        row.when = std::move(when);
        row.slow = always_slow;
        row.handle = [shared, handle](const std::shared_ptr<Trap>& trap) { return handle(*shared, trap); };
        rows.push_back(std::move(row));
    };
    const auto with_trap = [](auto handle) {
        return [handle](Shared& all, const std::shared_ptr<Trap>& trap) { return handle(all, *trap); };
    };
    add(SYS_socket, {argument_is(0, AF_NETLINK), argument_is(2, NETLINK_ROUTE)}, with_trap(handle_socket));
    add(SYS_dup, {ours}, with_trap(handle_dup));
    for (const uint32_t command : {uint32_t{F_DUPFD}, uint32_t{F_DUPFD_CLOEXEC}})
        add(SYS_fcntl, {ours, argument_is(1, command)}, with_trap(handle_fcntl));
    for (const int number : {SYS_sendto, SYS_sendmsg, SYS_sendmmsg, SYS_write, SYS_writev}) add(number, {ours}, with_trap(handle_send));
    for (const int number : {SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_read, SYS_readv}) add(number, {ours}, handle_receive);
    return rows;
}

}  // namespace graft::client
