// Trap: one system call of a client that waits for our answer, and through it the client: memory, descriptors, files.
//
// It is the Caller of a task behind a seccomp listener.  A handler looks at it and answers once, by returning an Outcome, or returns
// Outcome::later(), keeps the shared_ptr and calls finish() from any thread.  A Trap that is dropped unanswered answers EIO.
//
// Used by one thread at a time; finish() and gone() by any.  The client is the same user's, so nothing here guards a secret; what is
// guarded is that we never act on another process: a task may be killed and its number given away, so after each reading and before each
// writing the host is asked whether the call still waits (SECCOMP_IOCTL_NOTIF_ID_VALID).  ESRCH: it does not.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/fd.h"
#include "client/gateway.h"
#include "object/caller.h"

namespace graft::client {

// One filter with its listener: the processes of one `graft run`.
struct Listener {
    Fd fd;
    uint64_t id = 0;  // of the run, for status
    pid_t pid = 0;    // of its first process
    std::string command;
    bool explain = false;               // the client wants to be told why a call failed
    std::atomic<bool> closed = false;   // going down: long calls are to be given up
    std::atomic<bool> on_loop = false;  // one of its calls is being answered by the loop's thread; for ever when one has hung there
};

// The answer to a trapped call.
class Outcome {
public:
    static Outcome value(int64_t value) { return Outcome(Kind::value, value); }
    static Outcome error(int code) { return Outcome(Kind::error, code); }
    static Outcome error(const Error& error) { return Outcome(Kind::error, error.code); }
    // The host carries the call out, with arguments that the client may have changed meanwhile.
    static Outcome proceed() { return Outcome(Kind::proceed, 0); }
    // The client gets this description; its number is the result.
    static Outcome descriptor(Fd fd, bool cloexec) {
        Outcome outcome(Kind::descriptor, cloexec ? 1 : 0);
        outcome.fd_ = std::move(fd);
        return outcome;
    }
    // The handler calls Trap::finish() later.
    static Outcome later() { return Outcome(Kind::later, 0); }

    [[nodiscard]] bool is_later() const { return kind_ == Kind::later; }

private:
    friend class Trap;
    enum class Kind : uint8_t { value, error, proceed, descriptor, later };
    Outcome(Kind kind, int64_t value) : kind_(kind), value_(value) {}
    Kind kind_;
    int64_t value_;
    Fd fd_;
};

class Trap final : public Caller {
public:
    Trap(std::shared_ptr<Listener> listener, const seccomp_notif& notification, Gateway& gateway)
        : listener_(std::move(listener)), notification_(notification), gateway_(gateway) {}
    ~Trap() override;
    Trap(const Trap&) = delete;
    Trap& operator=(const Trap&) = delete;

    [[nodiscard]] int number() const { return notification_.data.nr; }
    [[nodiscard]] uint64_t argument(size_t index) const { return notification_.data.args[index]; }
    [[nodiscard]] int int_argument(size_t index) const { return static_cast<int>(notification_.data.args[index]); }
    // The task's thread id, as this process sees it.
    [[nodiscard]] pid_t tid() const { return static_cast<pid_t>(notification_.pid); }
    [[nodiscard]] const std::shared_ptr<Listener>& listener() const { return listener_; }
    // Whether the call still waits.
    [[nodiscard]] bool valid() const;

    // A file of /proc/TID, surely this task's.
    Result<Fd> open_proc(const char* name, int flags);
    // What the client's descriptor is open on; EBADF.
    Result<struct stat> stat_descriptor(int fd);
    // A copy of the client's descriptor: the same description, close-on-exec.
    Result<Fd> copy_descriptor(int fd);
    // Opens a path as the client would: its root, its working directory or its descriptor `path_fd`.  flags: O_PATH ...
    Result<Fd> open_path(const std::string& path, int path_fd, int flags);
    // Gives the client a copy of `fd`, at the number `at` (closing what is there) or at the lowest free one; the number.  Does not answer
    // the call.
    Result<int> install(int fd, std::optional<int> at, bool cloexec);
    // One line on the client's standard error, if it takes it at once.
    void tell(const std::string& line) override;

    // Answers, once; later answers are dropped.  An answer for a client that is gone is dropped too.
    void finish(Outcome outcome);
    // For Outcome::later(): called once, on the supervisor's thread, when the client is found to be gone before the answer.
    void when_gone(std::function<void()> callback);

    Result<void> read(uint64_t address, MutableBytes into) override;
    Result<void> write(uint64_t address, Bytes from) override;
    Result<DescriptorRef> descriptor(int fd) override;
    Result<int> give(DescriptorRef object) override;
    Result<void> take_back(int fd) override;
    Result<NetNamespace> net_namespace() override;
    Result<bool> has_interface(uint32_t ifindex) override;
    Result<uint64_t> cgroup(int fd) override;
    Result<void> pin(const std::string& path, int path_fd, Ref<Object> object) override;
    Result<Ref<Object>> pinned(const std::string& path, int path_fd) override;
    Result<bool> shares_writably(int fd, const void* own) override;
    uint32_t uid() const override;
    bool gone() override { return listener_->closed.load(std::memory_order_relaxed) || !valid(); }

private:
    friend class Supervisor;
    void notice_gone();  // calls what when_gone() was given
    void send(int64_t value, int error, uint32_t flags);
    Result<void> copy_memory(uint64_t address, void* ours, size_t size, bool to_client);
    Result<int> client_net_namespace();

    const std::shared_ptr<Listener> listener_;
    const seccomp_notif notification_;
    Gateway& gateway_;
    Fd memory_;         // of /proc/TID/mem, where process_vm_readv is refused
    Fd net_namespace_;  // lent out by net_namespace()
    std::atomic<bool> finished_ = false;
    std::mutex gone_lock_;
    std::function<void()> gone_;
};

}  // namespace graft::client
