// ProgramCalls: bpf(2) of a program, on behalf of the client whose BPF_PROG_TEST_RUN it is.
//
// What the attr points to is the program's: memory of this process.  The verifier's log and what else a command answers goes to the
// client's memory.  Used by one thread, for one run.  The rule is Linux's: programs of type syscall run as their client.
#pragma once

#include "helper/client_calls.h"
#include "object/caller.h"
#include "syscall/kernel.h"

namespace graft {

class ProgramCalls final : public ClientCalls {
public:
    ProgramCalls(Kernel& kernel, Caller& client) : kernel_(kernel), client_(client) {}

    int64_t bpf(uint32_t command, uint64_t attr, uint32_t size) override;
    int64_t close(int fd) override;
    int64_t find_type(const std::string& name, uint32_t kind) override;
    bool read(uint64_t address, MutableBytes into) override { return client_.read(address, into).ok(); }

private:
    Kernel& kernel_;
    Caller& client_;
};

}  // namespace graft
