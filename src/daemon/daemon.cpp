#include "daemon/daemon.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/rcu_thread.h"
#include "client/bpf_traps.h"
#include "client/bpffs_traps.h"
#include "client/launch.h"
#include "client/perf_traps.h"
#include "client/rlimit_traps.h"
#include "client/rtnetlink_traps.h"

namespace graft::daemon {

using client::TrapRow;

namespace {

// As many objects as the host allows; the limit is the user's to raise.
void raise_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

constexpr std::string_view no_files = "no file descriptor is left for one more client: raise the hard limit of open files (ulimit -Hn)";

void send_answer(int socket, const Answer& answer) {
    // Whoever does not read has gone.
    if (!client::send_message(socket, bytes_of(answer)).ok()) return;
}

void refuse(int socket, int code, std::string_view text) {
    Answer answer;
    answer.error = code;
    set_text(answer.text, text);
    send_answer(socket, answer);
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::create(int control) {
    auto daemon = std::make_unique<Daemon>();
    const Result<void> started = daemon->start(control);
    if (started.ok()) return daemon;
    // Who starts us holds the lock of the state directory until we have gone, and removes it.
    daemon->state_.reset();
    return started.error();
}

Result<void> Daemon::start(int control) {
    if (control < 0) {
        // Before the namespaces: a path in there might be another's.
        state_ = TRY(StateDirectory::open(StateDirectory::Missing::create));
        listener_ = TRY(state_->listen());
    }
    kernel_ = TRY(Kernel::create());
    namespaces_ = client::make_namespaces(kernel_->vmlinux_btf->raw());
    TRY(rcu::start());  // not before: who has threads enters no user namespace
    if (std::string hidden = client::hidden_children(); !hidden.empty()) namespaces_.missing.push_back(std::move(hidden));
    gateway_ = TRY(client::Gateway::create(client::bpf_of(*kernel_)));
    TRY(set_up_pins());
    loop_ = TRY(client::EventLoop::create());

    std::vector<TrapRow> rows = client::bpf_traps(*gateway_);
    for (TrapRow& row : client::bpffs_traps(*gateway_)) rows.push_back(std::move(row));
    for (TrapRow& row : client::perf_traps(*gateway_)) rows.push_back(std::move(row));
    for (TrapRow& row : client::rlimit_traps()) rows.push_back(std::move(row));
    interfaces_ = std::make_unique<client::Interfaces>(*kernel_);
    if (!interfaces_->missing().empty()) namespaces_.missing.push_back(interfaces_->missing());
    for (TrapRow& row : client::rtnetlink_traps(interfaces_->rtnetlink(), *loop_)) rows.push_back(std::move(row));
    supervisor_ = TRY(client::Supervisor::create(*loop_, *gateway_, std::move(rows)));

    trace_ = TRY(TracePipe::create(kernel_->runtime.trace, *loop_, std::move(namespaces_.trace_pipe)));
    TRY(watch_signals());
    return listen(control);
}

Daemon::~Daemon() {
    // First of all the clients: nobody may call into what goes now.
    supervisor_.reset();
    connections_.clear();
    interfaces_.reset();
    gateway_.reset();
    leave();
}

bool Daemon::run() {
    const bool callbacks_ended = loop_->run();
    supervisor_->close();
    constexpr std::chrono::milliseconds patience{5000};
    return callbacks_ended && supervisor_->settle(patience);
}

void Daemon::leave() {
    std::error_code ignored;
    if (!namespaces_.bpffs && !state_ && !pins_.empty()) std::filesystem::remove_all(pins_, ignored);
    if (state_) state_->remove();
}

// A tmpfs on /sys/fs/bpf; where none can be mounted, an ordinary directory.
Result<void> Daemon::set_up_pins() {
    if (!namespaces_.bpffs) return make_pins_directory();
    pins_ = "/sys/fs/bpf";
    return gateway_->bpffs().add_filesystem(namespaces_.bpffs.get());
}

Result<void> Daemon::make_pins_directory() {
    std::string path = state_ ? state_->path() + "/" + StateDirectory::pins_name : "/tmp/graft-pins-XXXXXX";
    std::error_code ignored;
    if (state_) std::filesystem::remove_all(path, ignored);  // a killed kernel's: its pins are of nothing now
    const bool made = state_ ? mkdir(path.c_str(), 0700) == 0 : mkdtemp(path.data()) != nullptr;
    if (!made) return fail(errno, "cannot make the directory for pins");
    pins_ = path;
    const Fd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return fail(errno, "cannot open the directory for pins");
    return gateway_->bpffs().add_directory(directory.get());
}

Result<void> Daemon::watch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return fail(errno, "cannot wait for signals");
    TRY(loop_->watch(signals_.get(), EPOLLIN, [this](uint32_t) { loop_->stop(); }));
    if (!namespaces_.mounts_file) return {};
    // The host marks it when a mount comes or goes.
    mounts_ = Fd(open("/proc/self/mounts", O_RDONLY | O_CLOEXEC));
    if (!mounts_) return {};
    return loop_->watch(mounts_.get(), EPOLLPRI, [this](uint32_t) { client::write_mounts(namespaces_.mounts_file.get()); });
}

Result<void> Daemon::listen(int control) {
    if (control >= 0) return add_connection(Fd(control));
    spare_ = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return loop_->watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept(); });
}

void Daemon::accept() {
    const std::lock_guard guard(lock_);
    Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket && (errno == EMFILE || errno == ENFILE)) return refuse_for_want_of_files();
    if (!socket) return;
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != geteuid()) {
        refuse(socket.get(), EPERM, "this graft kernel is another user's");
        return;
    }
    if (!add_connection(std::move(socket)).ok()) return;
}

void Daemon::with_spare_file(const std::function<void()>& work) {
    spare_.close();
    work();
    spare_ = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Daemon::refuse_for_want_of_files() {
    with_spare_file([this] {
        if (const Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)); socket) refuse(socket.get(), ENFILE, no_files);
    });
}

Result<void> Daemon::add_connection(Fd socket) {
    const int fd = socket.get();
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return fail(errno, "cannot set up a control connection");
    TRY(loop_->watch(fd, EPOLLIN, [this, fd](uint32_t) { on_connection(fd); }));
    Connection& connection = connections_[fd];
    connection.socket = std::move(socket);
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) connection.pid = peer.pid;
    return {};
}

void Daemon::on_connection(int fd) {
    const std::lock_guard guard(lock_);
    if (!connections_.contains(fd)) return;
    Connection& connection = connections_.at(fd);
    Result<client::Message> message = client::receive_message(fd);
    if (message.code() == EAGAIN) return;
    bool keep = false;
    if (message.code() == ENFILE) {
        refuse(fd, ENFILE, no_files);
    } else if (message.ok() && connection.run && message->descriptors.size() == 1) {
        keep = on_listener(connection, std::move(message->descriptors[0]));
    } else if (message.ok()) {
        if (const auto request = read_at<Request>(message->bytes, 0)) keep = on_request(connection, *request);
    }
    if (!keep) {
        loop_->unwatch(fd);
        connections_.erase(fd);
        // Whom a private kernel is for has gone.
        if (!state_) loop_->stop();
    }
    if (ending_) end();
}

// A client that has been let in and is about to hand over its listener would fail if we went now; it is a moment, or it hangs.
void Daemon::end() {
    ending_ = true;
    const bool expected =
        std::any_of(connections_.begin(), connections_.end(), [](const auto& entry) { return entry.second.run.has_value(); });
    if (!expected) return loop_->stop();
    if (patience_) return;
    patience_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec patience{};
    patience.it_value.tv_sec = 2;
    if (!patience_ || timerfd_settime(patience_.get(), 0, &patience, nullptr) != 0 ||
        !loop_->watch(patience_.get(), EPOLLIN, [this](uint32_t) { loop_->stop(); }).ok())
        loop_->stop();
}

bool Daemon::on_request(Connection& connection, const Request& request) {
    const int socket = connection.socket.get();
    if (std::strncmp(request.version.data(), GRAFT_VERSION, request.version.size()) != 0) {
        refuse(socket, EPROTO, "the running kernel is of another version of graft: 'graft down' of that version ends it");
        return false;
    }
    switch (request.verb) {
        case Verb::run:
            if (ending_) return false;  // the next kernel is asked
            connection.run = request;
            return answer_run(connection);
        case Verb::status:
            send_status(socket);
            return false;
        case Verb::stats_on:
        case Verb::stats_off:
            set_statistics(socket, request.verb == Verb::stats_on);
            return false;
        case Verb::trace:
            send_trace(socket);
            return false;
        case Verb::down:
            end();
            return true;  // the stream ends with us
    }
    return false;
}

bool Daemon::answer_run(Connection& connection) {
    Answer answer;
    std::vector<int> descriptors;
    const auto give = [&](const Fd& fd, bool& flag) {
        flag = static_cast<bool>(fd);
        if (fd) descriptors.push_back(fd.get());
    };
    give(namespaces_.user, answer.has_user);
    give(namespaces_.mount, answer.has_mount);
    give(namespaces_.net, answer.has_net);
    if (!namespaces_.bpffs) {
        set_text(answer.text, namespaces_.missing.front() + "; pins go to " + pins_);
        set_text(answer.pins, pins_);
    }
    const std::vector<sock_filter>& filter = supervisor_->filter();
    std::vector<std::byte> bytes(sizeof(answer) + filter.size() * sizeof(sock_filter));
    std::memcpy(bytes.data(), &answer, sizeof(answer));
    std::memcpy(bytes.data() + sizeof(answer), filter.data(), filter.size() * sizeof(sock_filter));
    return client::send_message(connection.socket.get(), bytes, descriptors).ok();
}

bool Daemon::on_listener(Connection& connection, Fd listener) {
    const Request request = *connection.run;
    connection.run.reset();
    client::Supervisor::NewClient client;
    client.listener = std::move(listener);
    client.pid = connection.pid;
    client.command = request.command.data();
    client.explain = request.explain;
    const Result<void> added = supervisor_->add(std::move(client));
    if (!added.ok()) {
        refuse(connection.socket.get(), added.code(), added.error().reason);
        return !state_;
    }
    send_answer(connection.socket.get(), Answer{});
    return !state_;
}

void Daemon::set_statistics(int socket, bool wanted) {
    if (!wanted) statistics_ = nullptr;
    if (wanted && !statistics_) {
        Result<Ref<Object>> started = Statistics::start(*kernel_);
        if (!started.ok()) return refuse(socket, started.code(), started.error().reason);
        statistics_ = std::move(*started);
    }
    send_answer(socket, Answer{});
}

void Daemon::send_trace(int socket) {
    const Result<Fd> reader = trace_->open_reader();
    if (!reader.ok()) return refuse(socket, reader.code(), reader.error().reason);
    const Answer answer;
    (void)client::send_message(socket, bytes_of(answer), {{reader->get()}});
}

void Daemon::send_status(int socket) {
    // As a file: it may be longer than what the socket takes without waiting for its reader.
    const std::string text = status();
    with_spare_file([&] {
        const Fd file(memfd_create("graft-status", MFD_CLOEXEC));
        if (!file || pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
            return refuse(socket, ENFILE, "no file descriptor or memory is left for the status");
        const Answer answer;
        (void)client::send_message(socket, bytes_of(answer), {{file.get()}});
    });
}

// --- the process -----------------------------------------------------------------------------------------------------------------------

int run_daemon(const DaemonOptions& options) {
    setsid();
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    // SIGIO: see client/descriptors.cpp; the rest of what may come unasked.
    for (const int signal : {SIGPIPE, SIGIO, SIGTSTP, SIGTTIN, SIGTTOU}) std::signal(signal, SIG_IGN);
    raise_open_files();
    umask(077);

    Result<std::unique_ptr<Daemon>> daemon = Daemon::create(options.control);
    std::string line(1, '\0');
    if (!daemon.ok())
        line = std::string(daemon.error().reason != nullptr ? daemon.error().reason : "cannot start") + ": " + std::strerror(daemon.code());
    const bool told = write(options.ready, line.data(), line.size()) == static_cast<ssize_t>(line.size());
    close(options.ready);
    if (!daemon.ok() || !told) return EXIT_FAILURE;
    if (chdir("/") != 0) return EXIT_FAILURE;
    if (!daemon.value()->run()) {
        daemon.value()->leave();
        _exit(EXIT_SUCCESS);
    }
    return EXIT_SUCCESS;
}

}  // namespace graft::daemon
