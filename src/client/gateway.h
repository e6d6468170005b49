// Gateway: one kernel as its clients reach it: the bpf(2) entry, their descriptors, the pins.
//
// Shared by the two ways in: tasks behind a seccomp listener (supervisor.h) and this process (in_process.h).  Thread safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "client/bpffs.h"
#include "client/descriptors.h"
#include "client/notices.h"
#include "syscall/kernel.h"

namespace graft::client {

// Kernel::bpf, or what stands for it.
using BpfCall = std::function<Result<Reply>(Caller&, int command, uint64_t attr_address, uint32_t size)>;

// The kernel must outlive what it is given to.
inline BpfCall bpf_of(Kernel& kernel) {
    return [&kernel](Caller& caller, int command, uint64_t attr_address, uint32_t size) {
        return kernel.bpf(caller, command, attr_address, size);
    };
}

class Gateway {
public:
    static Result<std::unique_ptr<Gateway>> create(BpfCall bpf, size_t object_limit = Descriptors::default_limit());
    Gateway(BpfCall bpf, std::unique_ptr<Notices> notices, size_t object_limit);

    // Makes what clients have closed, exited from or unlinked so far be gone.  Before each call, and when notices().fd() is readable.
    void collect();
    // When to call collect() at the latest; negative: only when there are notices.
    [[nodiscard]] std::chrono::milliseconds next_collect() const { return descriptors_.next_collect(); }

    Result<Reply> bpf(Caller& caller, int command, uint64_t attr_address, uint32_t size) {
        return bpf_(caller, command, attr_address, size);
    }
    [[nodiscard]] Notices& notices() { return *notices_; }
    [[nodiscard]] Descriptors& descriptors() { return descriptors_; }
    [[nodiscard]] Bpffs& bpffs() { return bpffs_; }

private:
    BpfCall bpf_;
    std::mutex collecting_;  // who comes second waits until what the first found is really gone
    std::unique_ptr<Notices> notices_;
    Descriptors descriptors_;
    Bpffs bpffs_;
};

// What bpf(2) allows on the descriptor of a reply.
[[nodiscard]] Access access_of(const Reply& reply);
[[nodiscard]] Access access_of(const DescriptorRef& descriptor);

}  // namespace graft::client
