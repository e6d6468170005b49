// BPF_PROG_TEST_RUN: runs a program on a packet that the client gives, outside of any interface.
//
// One file a kind of context: XDP and skb.  Each repetition enters the program's image anew; repetitions work on one and the same packet.
// Thread safety: any thread; a run holds a CPU slot and the RCU read lock for a batch of repetitions at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "helper/client_calls.h"
#include "helper/runtime.h"
#include "object/caller.h"
#include "program/program.h"

namespace graft {

struct TestRunRequest {
    Caller& caller;
    Runtime& runtime;
    const Program& program;
    ClientCalls* calls = nullptr;  // what the program may ask for on behalf of the client
    uint64_t data_in = 0;          // address
    uint32_t data_size_in = 0;
    uint64_t ctx_in = 0;  // address; 0: none
    uint32_t ctx_size_in = 0;
    bool wants_output = false;  // data_out, ctx_out or duration is not 0
    bool has_context = false;   // the client gives one, or wants one back
    uint32_t repeat = 0;        // 0: once
    uint32_t flags = 0;
    uint32_t cpu = 0;
    uint32_t batch_size = 0;
};

struct TestRunOutcome {
    bool has_packet = true;       // else neither data nor duration is answered
    std::vector<std::byte> data;  // what is left of the packet, its metadata in front
    uint32_t fragments = 0;       // how many bytes of it programs could not reach directly: its end
    std::vector<std::byte> context;
    uint32_t retval = 0;
    uint32_t duration = 0;  // ns a repetition
};

// EINVAL, E2BIG, EFAULT, ENODEV, ENOMEM as Linux; EOPNOTSUPP: live frames; ENOTSUPP: programs of this type are not run so; EINTR: the
// client is gone.
Result<TestRunOutcome> test_run(const TestRunRequest& request);

// --- for the files of the kinds -------------------------------------------------------------------------------------------------------

Result<TestRunOutcome> test_run_xdp(const TestRunRequest& request);
Result<TestRunOutcome> test_run_skb(const TestRunRequest& request);
Result<TestRunOutcome> test_run_syscall(const TestRunRequest& request);

// Enters the program `repeat` times with `context`; sets retval and duration.
Result<void> repeat_run(const TestRunRequest& request, void* context, TestRunOutcome& outcome);

// The client's context, zero-extended.  E2BIG: longer than `size` and not zero behind; EFAULT.
Result<void> read_context(const TestRunRequest& request, MutableBytes context);

}  // namespace graft
