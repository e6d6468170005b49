#include "cli/kernel_process.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cli/verbs.h"

namespace graft::cli {
namespace {

using daemon::StateDirectory;

Complaint complaint_of(const Error& error) {
    return {std::string(error.reason != nullptr ? error.reason : "cannot start the kernel") + ": " + std::strerror(error.code)};
}

[[noreturn]] void say_and_exit(int ready) {
    dprintf(ready, "cannot start the kernel's process: %s", std::strerror(errno));
    _exit(127);
}

// In the child: becomes `graft daemon`, holding nothing but what it is given.
[[noreturn]] void become_daemon(int control, int ready, int log) {
    const int null = open("/dev/null", O_RDWR);
    // A private kernel has no log: it speaks to the standard error of its starter, if that is open.
    if (log < 0) log = fcntl(STDERR_FILENO, F_GETFD) < 0 ? null : STDERR_FILENO;
    std::vector<std::string> words = {"graft", "daemon", "--ready", "3"};
    std::vector<int> descriptors = {null, null, log, ready};  // at numbers 0, 1 ...
    if (control >= 0) {
        descriptors.push_back(control);
        words.insert(words.end(), {"--control", "4"});
    }
    // Out of the way first: any of them may have any number, where our starter had none of the standard ones open.
    constexpr int above = 10;
    for (int& fd : descriptors) {
        fd = fcntl(fd, F_DUPFD, above);
        if (fd < 0) say_and_exit(ready);
    }
    int number = 0;
    for (const int fd : descriptors) dup2(fd, number++);
    close_range(static_cast<unsigned>(number), ~0U, 0);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv("/proc/self/exe", arguments.data());
    say_and_exit(3);
}

// Until the daemon says that it is there, or why it is not.
Complaint await_ready(int ready, pid_t pid) {
    std::string text;
    std::array<char, 1024> buffer;
    for (;;) {
        const ssize_t size = read(ready, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        text.append(buffer.data(), static_cast<size_t>(size));
    }
    if (text == std::string(1, '\0')) return {};
    waitpid(pid, nullptr, 0);
    return {text.empty() ? "the kernel's process died while it started" : text};
}

struct Started {
    pid_t pid = -1;
    Complaint complaint;
};

// A client whose kernel has ended: epoll_ctl(2), which graft traps, is ENOSYS for it and for all that it starts.
bool is_orphan() { return epoll_ctl(-1, EPOLL_CTL_DEL, -1, nullptr) != 0 && errno == ENOSYS; }

Started start(int control, int log) {
    if (is_orphan()) return {-1, {"this process was a client of a kernel that has ended, and can start none: run graft outside of it"}};
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0) return {-1, complaint_of(fail(errno, "cannot make a pipe"))};
    const Fd read_end(pipe_ends[0]);
    Fd write_end(pipe_ends[1]);
    const pid_t pid = fork();
    if (pid < 0) return {-1, complaint_of(fail(errno, "cannot start a process"))};
    if (pid == 0) become_daemon(control, write_end.get(), log);
    write_end.close();
    return {pid, await_ready(read_end.get(), pid)};
}

bool is_absent(int code) { return code == ENOENT || code == ECONNREFUSED; }

}  // namespace

Result<Fd> connect_to_running() {
    const Result<StateDirectory> state = StateDirectory::open(StateDirectory::Missing::fail);
    if (!state.ok()) return state.error();
    Result<Fd> socket = state.value().connect();
    if (!socket.ok() && is_absent(socket.code())) return fail(ENOENT, "no graft kernel is running");
    return socket;
}

Result<client::Message> ask(daemon::Verb verb) {
    constexpr Error ended = fail(ENOENT, "no graft kernel is running");
    const Fd socket = TRY(connect_to_running());
    const Result<void> sent = client::send_message(socket.get(), bytes_of(daemon::make_request(verb)));
    if (!sent.ok()) return sent.code() == EPIPE || sent.code() == ECONNRESET ? ended : sent.error();
    Result<client::Message> message = client::receive_message(socket.get());
    if (message.code() == ECONNRESET || (message.ok() && message->bytes.empty())) return ended;
    return message;
}

std::optional<client::Message> ask_running(daemon::Verb verb) {
    Result<client::Message> message = ask(verb);
    if (!message.ok()) {
        message.code() == ENOENT ? complain("no graft kernel is running") : complain(message.error());
        return std::nullopt;
    }
    const auto answer = read_at<daemon::Answer>(message->bytes, 0);
    if (answer && answer->error == 0) return std::move(*message);
    complain(answer ? answer->text.data() : "the kernel's answer cannot be read; is it of another version?");
    return std::nullopt;
}

Connected connect_or_start() {
    // A kernel that ends at this moment takes its directory along; the next round makes a new one.
    for (int attempt = 0; attempt < 10; ++attempt) {
        const Result<StateDirectory> state = StateDirectory::open(StateDirectory::Missing::create);
        if (!state.ok()) return {Fd(), complaint_of(state.error())};
        Result<Fd> socket = state.value().connect();
        if (socket.ok()) return {std::move(*socket), {}};
        if (!is_absent(socket.code())) return {Fd(), complaint_of(socket.error())};

        const Result<Fd> lock = state.value().lock();
        if (!lock.ok() && lock.code() == ENOENT) continue;
        if (!lock.ok()) return {Fd(), complaint_of(lock.error())};
        socket = state.value().connect();  // somebody else may have been first
        if (socket.ok()) return {std::move(*socket), {}};
        const Fd log(openat(state.value().fd(), StateDirectory::log_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
        const Started started = start(-1, log.get());
        if (started.complaint) {
            state.value().remove_locked();
            return {Fd(), started.complaint};
        }
        socket = state.value().connect();
        if (socket.ok()) return {std::move(*socket), {}, true};
    }
    return {Fd(), {"the kernel ends each time it is started"}};
}

PrivateKernel start_private() {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return {Fd(), -1, complaint_of(fail(errno, "cannot make a local socket"))};
    Fd ours(pair[0]);
    const Fd theirs(pair[1]);
    const Started started = start(theirs.get(), -1);
    if (started.complaint) return {Fd(), -1, started.complaint};
    return {std::move(ours), started.pid, {}};
}

}  // namespace graft::cli
