// Supervisor: answers the trapped system calls of all clients.
//
// Each `graft run` installs a filter and hands its listener over; the processes it starts are behind the same listener.  All listeners are
// waited for by one thread (the EventLoop's); what may take long runs on Workers.  Before a call is acted on, everything that clients have
// closed or unlinked by then is gone (Gateway::collect).
//
// A client that makes a handler hang on its memory holds up itself alone: another thread becomes the loop (event_loop.h), and the client's
// further calls go to workers, of which it has only so many.
//
// Thread safety: all methods, from any thread.
// When a listener is closed (close(), or this process ends) the host answers ENOSYS in our place, now and from then on.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/event_loop.h"
#include "client/gateway.h"
#include "client/trap_table.h"
#include "client/workers.h"

namespace graft::client {

class Supervisor {
public:
    static Result<std::unique_ptr<Supervisor>> create(EventLoop& loop, Gateway& gateway, std::vector<TrapRow> rows);
    Supervisor(EventLoop& loop, Gateway& gateway, std::vector<TrapRow> rows);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // What a client is to install.
    [[nodiscard]] const std::vector<sock_filter>& filter() const { return filter_; }

    struct NewClient {
        Fd listener;
        pid_t pid = 0;  // of its first process; for list(), as is the command
        std::string command;
        bool explain = false;         // say on its standard error why a bpf(2) call failed
        std::function<void()> ended;  // when no process is left behind the listener; may be empty
    };
    Result<void> add(NewClient client);

    struct Client {
        uint64_t id;
        pid_t pid;
        std::string command;
    };
    [[nodiscard]] std::vector<Client> list() const;

    // Leaves all clients: their calls are ENOSYS from now on.
    void close();
    // After close(): whether every long call has been given up within this time.  If not, this object cannot be destroyed (it would wait).
    [[nodiscard]] bool settle(std::chrono::milliseconds patience) { return workers_.wait_idle(patience); }

private:
    struct Served {
        std::shared_ptr<Listener> listener;
        std::function<void()> ended;
    };
    void on_listener(const std::shared_ptr<Listener>& listener, uint32_t events);
    void receive(const std::shared_ptr<Listener>& listener);
    void dispatch(const std::shared_ptr<Trap>& trap, const seccomp_data& call);
    void handle(const TrapRow& row, const std::shared_ptr<Trap>& trap);
    void remove(const std::shared_ptr<Listener>& listener);
    std::chrono::milliseconds tick();
    void look_for_gone();

    EventLoop& loop_;
    Gateway& gateway_;
    const std::vector<TrapRow> rows_;
    const std::vector<sock_filter> filter_;
    mutable std::mutex lock_;
    std::map<uint64_t, Served> served_;
    std::vector<std::weak_ptr<Trap>> unanswered_;  // handed to a worker or kept by a handler
    uint64_t last_id_ = 0;
    std::chrono::steady_clock::time_point next_look_{};
    Workers workers_;  // last: its threads end first
};

}  // namespace graft::client
