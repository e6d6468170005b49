// graft down: ends the user's kernel, and returns when it has ended.
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>

#include "cli/kernel_process.h"
#include "cli/verbs.h"
#include "client/launch.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

constexpr int patience_ms = 30'000;

int down() {
    const Result<Fd> socket = connect_to_running();
    if (!socket.ok()) {
        if (socket.code() != ENOENT) return complain(socket.error());
        const auto state = daemon::StateDirectory::open(daemon::StateDirectory::Missing::fail);
        if (state.ok()) state.value().remove_remains();
        std::puts("no graft kernel is running");
        return 0;
    }
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(socket.value().get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return complain(fail(errno, "cannot tell who listens"));
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0)));
    if (!process) return complain(fail(errno, "cannot watch the kernel's process"));
    const daemon::Request request = daemon::make_request(daemon::Verb::down);
    if (const Result<void> sent = client::send_message(socket.value().get(), bytes_of(request)); !sent.ok()) return complain(sent.error());
    pollfd ended{process.get(), POLLIN, 0};
    while (poll(&ended, 1, patience_ms) < 0 && errno == EINTR) {
    }
    if ((ended.revents & POLLIN) == 0) return complain("the kernel, process " + std::to_string(peer.pid) + ", does not end");
    return 0;
}

}  // namespace

void add_down(CLI::App& app, int& status) {
    app.add_subcommand("down", "End your graft kernel: its objects, pins and interfaces go;\nits clients' bpf(2) calls become ENOSYS")
        ->callback([&status] { status = down(); });
}

}  // namespace graft::cli
