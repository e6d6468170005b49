// Daemon: one user's kernel as a process.
//
// Its main thread runs the event loop: the control socket, signals, all clients' listeners.  It ends when it is told to (graft down,
// SIGTERM) or, private, when its starter closes the control socket; the order of its members is the order of undoing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "client/event_loop.h"
#include "client/gateway.h"
#include "client/interfaces.h"
#include "client/namespaces.h"
#include "client/supervisor.h"
#include "daemon/control.h"
#include "daemon/state_directory.h"
#include "daemon/trace_pipe.h"
#include "syscall/statistics.h"

namespace graft::daemon {

struct DaemonOptions {
    // Of a private kernel: the socket of its only control connection.  -1: it listens in the user's StateDirectory.
    int control = -1;
    // Gets one byte 0 when the kernel is there, or a line that says why it is not.
    int ready = -1;
};

// The daemon's process from here to its end; its exit status.
int run_daemon(const DaemonOptions& options);

class Daemon {
public:
    static Result<std::unique_ptr<Daemon>> create(int control);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    Daemon() = default;

    // Whether everything can be undone; else only leave().
    [[nodiscard]] bool run();
    // What is to be done when the rest cannot be: a thread hangs on a client's memory.
    void leave();

private:
    struct Connection {
        Fd socket;
        std::optional<Request> run;  // whose listener is awaited
        pid_t pid = 0;
    };
    Result<void> start(int control);
    Result<void> listen(int control);
    Result<void> set_up_pins();
    Result<void> make_pins_directory();
    Result<void> watch_signals();
    Result<void> add_connection(Fd socket);
    void accept();
    void refuse_for_want_of_files();
    // Does what needs one descriptor for a moment, also when there is no other left.
    void with_spare_file(const std::function<void()>& work);
    void on_connection(int fd);
    void end();
    // Whether the connection is to be kept.
    bool on_request(Connection& connection, const Request& request);
    bool on_listener(Connection& connection, Fd listener);
    bool answer_run(Connection& connection);
    void set_statistics(int socket, bool wanted);
    void send_trace(int socket);
    void send_status(int socket);
    [[nodiscard]] std::string status() const;

    std::optional<StateDirectory> state_;  // none: private
    std::string pins_;                     // where clients may pin
    client::Namespaces namespaces_;
    std::unique_ptr<Kernel> kernel_;
    std::unique_ptr<client::Gateway> gateway_;
    std::unique_ptr<client::EventLoop> loop_;
    std::unique_ptr<client::Interfaces> interfaces_;
    std::unique_ptr<client::Supervisor> supervisor_;
    std::unique_ptr<TracePipe> trace_;
    Ref<Object> statistics_;  // of `graft stats on`
    Fd listener_, signals_, mounts_;
    Fd spare_;         // see with_spare_file()
    std::mutex lock_;  // over what follows: the loop's thread may change
    std::map<int, Connection> connections_;
    bool ending_ = false;  // lets nobody in any more
    Fd patience_;          // a timer: told to end, but a client is on its way in
};

}  // namespace graft::daemon
