// InProcess: a kernel's bpf(2) for the threads of this process, without a trap.
//
// Objects are real descriptors here too.  Thread safe.  To bring libbpf to it, link libbpf.a and the library graft-inprocess (it passes
// --wrap=syscall to the linker) and say route_bpf_to(); every other system call goes to the host.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "client/gateway.h"

namespace graft::client {

class InProcess {
public:
    // `bpffs`: a directory that exists and in which BPF_OBJ_PIN may pin; empty: nowhere.
    static Result<std::unique_ptr<InProcess>> create(BpfCall bpf, const std::string& bpffs = {});
    explicit InProcess(std::unique_ptr<Gateway> gateway) : gateway_(std::move(gateway)) {}

    // bpf(2): a number, a fresh descriptor, or -errno.
    long bpf(int command, uint64_t attr_address, uint32_t size);

    [[nodiscard]] Gateway& gateway() { return *gateway_; }

private:
    std::unique_ptr<Gateway> gateway_;
};

// In graft-inprocess: where syscall(SYS_bpf, ...) of this executable goes, on all threads; null: to the host.  The target must outlive its
// calls.
void route_bpf_to(InProcess* target);

}  // namespace graft::client
