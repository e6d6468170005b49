#include "cli/client_process.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "abi/graft.h"
#include "base/bytes.h"
#include "cli/kernel_process.h"
#include "cli/verbs.h"
#include "client/launch.h"
#include "daemon/control.h"

namespace graft::cli {
namespace {

using daemon::Answer;
using daemon::Request;
using daemon::Verb;

constexpr int cannot_execute = 126, not_found = 127;

[[noreturn]] void give_up(const Error& error) {
    complain(error);
    _exit(graft_failed);
}

struct Admission {
    client::Namespaces namespaces;
    std::vector<sock_filter> filter;
};

// What the daemon answers; ECONNRESET when it has ended meanwhile.  A refusal ends this process.
Result<client::Message> receive_answer(int control) {
    Result<client::Message> message = client::receive_message(control);
    if (!message.ok()) return message.error();
    const auto answer = read_at<Answer>(message->bytes, 0);
    if (!answer) return fail(ECONNRESET, "the kernel has ended");
    if (answer->error != 0) {
        complain(answer->text.data());
        _exit(graft_failed);
    }
    return message;
}

Result<Admission> ask_for_admission(int control, const RunOptions& options) {
    Request request = daemon::make_request(Verb::run, options.command.front());
    request.network = options.network;
    request.explain = options.explain;
    TRY(client::send_message(control, bytes_of(request)));
    client::Message message = TRY(receive_answer(control));
    const Answer answer = read_at<Answer>(message.bytes, 0).value_or(Answer{});
    if (answer.text[0] != '\0') complain(answer.text.data());
    // libxdp then looks there.
    if (answer.pins[0] != '\0') setenv("LIBXDP_BPFFS", answer.pins.data(), 0);
    Admission admission;
    size_t next = 0;
    const auto take = [&](bool present, Fd& into) {
        if (present && next < message.descriptors.size()) into = std::move(message.descriptors[next++]);
    };
    take(answer.has_user, admission.namespaces.user);
    take(answer.has_mount, admission.namespaces.mount);
    take(answer.has_net, admission.namespaces.net);
    const Bytes filter = Bytes(message.bytes).subspan(sizeof(Answer));
    admission.filter.resize(filter.size() / sizeof(sock_filter));
    std::memcpy(admission.filter.data(), filter.data(), admission.filter.size() * sizeof(sock_filter));
    return admission;
}

// Whether a directory of PATH has a file of this name, runnable or not.
bool is_in_path(const std::string& name) {
    const char* variable = std::getenv("PATH");
    std::string_view path = variable != nullptr ? variable : "/bin:/usr/bin";
    for (;;) {
        const size_t end = path.find(':');
        std::string candidate(path.substr(0, end));
        candidate += candidate.empty() ? "./" + name : "/" + name;
        if (access(candidate.c_str(), F_OK) == 0) return true;
        if (end == std::string_view::npos) return false;
        path.remove_prefix(end + 1);
    }
}

// A client is root in its namespaces, and finds what root finds: Debian has xdp-loader and bpftool there.
void complete_path() {
    const char* variable = std::getenv("PATH");
    if (variable == nullptr || *variable == '\0') return;
    std::string path = variable;
    for (const std::string directory : {"/usr/sbin", "/sbin"}) {
        if ((":" + path + ":").find(":" + directory + ":") == std::string::npos) path += ":" + directory;
    }
    setenv("PATH", path.c_str(), 1);
}

// Does not return when it succeeds; else the exit status, after a line.
int execute(const std::vector<std::string>& command) {
    complete_path();
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    const int code = errno;
    const std::string& name = command.front();
    // A directory of PATH that may not be searched makes it EACCES, whatever the others have.
    if (name.find('/') == std::string::npos && (code == ENOENT || code == EACCES) && !is_in_path(name)) {
        complain(name + ": command not found in PATH");
        return not_found;
    }
    const bool no_interpreter = code == ENOENT && access(name.c_str(), F_OK) == 0;
    complain(name + ": " + (no_interpreter ? "the interpreter that it names does not exist" : std::strerror(code)));
    return code == ENOENT ? not_found : cannot_execute;
}

// Why this process, behind the filter, does not reach graft by bpf(2); empty: it does.
std::string unreachable() {
    // A filter of the container's that refuses the call goes before ours, whatever ours says.
    if (syscall(SYS_bpf, GRAFT_ABI, nullptr, 0) < 0 && errno == EPERM)
        return "bpf(2) is refused by a seccomp profile here before graft sees it: allow bpf(2) in the container's profile";
    bpf_attr attr{};
    if (syscall(SYS_bpf, GRAFT_ABI, &attr, sizeof(attr)) > 0 || (errno != EFAULT && errno != EACCES && errno != EPERM)) return {};
    return std::string("graft may not read its clients' memory (") + std::strerror(errno) +
           "): kernel.yama.ptrace_scope is above 1 here, or the container needs CAP_SYS_PTRACE";
}

// Executes the command as a client, or gives up.
[[noreturn]] void become_client(Fd control, const Admission& admission, const RunOptions& options) {
    if (const Result<void> entered = client::enter(admission.namespaces, options.network); !entered.ok()) give_up(entered.error());
    // Without namespaces, Yama's ptrace_scope 1 keeps the daemon from our memory unless we say that it may.
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    Result<Fd> listener = client::install_filter(admission.filter);
    if (listener.code() == EBUSY && syscall(SYS_bpf, GRAFT_ABI, nullptr, 0) > 0) {
        complain("this process is on graft already, as all that a 'graft run' or 'graft shell' starts: run " + options.command.front() +
                 " as it is");
        _exit(graft_failed);
    }
    if (!listener.ok()) give_up(listener.error());
    const int fd = listener->get();
    const std::byte nothing{};
    if (const Result<void> sent = client::send_message(control.get(), Bytes(&nothing, 1), std::span(&fd, 1)); !sent.ok())
        give_up(sent.error());
    listener->close();  // a kernel that ends now must take the last one along: who waits for nobody waits for ever
    if (const Result<client::Message> answer = receive_answer(control.get()); !answer.ok()) give_up(answer.error());
    if (const std::string why = unreachable(); !why.empty()) {
        complain(why);
        _exit(graft_failed);
    }
    control.close();
    _exit(execute(options.command));
}

// Waits for the command; what is sent to us by another process is passed on to it.  The terminal's signals reach it without us.
int wait_for(pid_t pid, int signals, const sigset_t& mask) {
    for (;;) {
        signalfd_siginfo info{};
        if (read(signals, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) continue;
        if (info.ssi_signo != SIGCHLD) {
            if (info.ssi_code <= 0) kill(pid, static_cast<int>(info.ssi_signo));
            continue;
        }
        int status = 0;
        if (waitpid(pid, &status, WNOHANG) != pid) continue;
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        if (!WIFSIGNALED(status)) continue;
        sigprocmask(SIG_SETMASK, &mask, nullptr);
        return 128 + WTERMSIG(status);
    }
}

int run_private(const RunOptions& options) {
    PrivateKernel kernel = start_private();
    if (kernel.complaint) {
        complain(kernel.complaint.text);
        return graft_failed;
    }
    sigset_t all, before;
    sigfillset(&all);
    for (const int stop : {SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT}) sigdelset(&all, stop);
    sigprocmask(SIG_BLOCK, &all, &before);
    const Fd signals(signalfd(-1, &all, SFD_CLOEXEC));
    const pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, nullptr);
        const Result<Admission> admission = ask_for_admission(kernel.socket.get(), options);
        if (!admission.ok()) give_up(admission.error());
        become_client(std::move(kernel.socket), admission.value(), options);
    }
    int status = graft_failed;
    if (pid < 0 || !signals) {
        complain(fail(errno, "cannot start a process"));
    } else {
        status = wait_for(pid, signals.get(), before);
    }
    // The kernel ends when nobody holds the other end of its socket; nothing is left when we return.
    kernel.socket.close();
    while (waitpid(kernel.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return status;
}

}  // namespace

int run(const RunOptions& options) {
    if (options.private_kernel) return run_private(options);
    Error last = fail(ECONNRESET, "the kernel has ended");
    // A kernel that somebody ends at this moment goes without us; there is a next one when it has gone.
    constexpr int attempts = 500;
    constexpr useconds_t pause = 20'000;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        if (attempt > 0) usleep(pause);
        Connected connected = connect_or_start();
        if (connected.complaint) {
            complain(connected.complaint.text);
            return graft_failed;
        }
        const Result<Admission> admission = ask_for_admission(connected.socket.get(), options);
        const Result<daemon::StateDirectory> state = daemon::StateDirectory::open(daemon::StateDirectory::Missing::fail);
        if (state.ok()) setenv(daemon::StateDirectory::variable, state.value().path().c_str(), 1);
        if (admission.ok()) become_client(std::move(connected.socket), admission.value(), options);
        last = admission.error();
        if (last.code != ECONNRESET && last.code != EPIPE) break;
    }
    complain(last);
    return graft_failed;
}

}  // namespace graft::cli
