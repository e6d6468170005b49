#include "hook/test_run.h"

#include <algorithm>
#include <array>

#include "engine/engine.h"

namespace graft {
namespace {

// One stay in the read section and in a CPU's slot.
uint32_t run_batch(const TestRunRequest& request, void* context, uint32_t count) {
    Stay stay(request.runtime);
    RunContext& run_context = stay.context;
    run_context.client = request.calls;
    run_context.frame_is_skb = request.program.facts().type != BPF_PROG_TYPE_XDP;
    uint64_t result = 0;
    for (uint32_t i = 0; i < count; ++i) {
        run_context.redirect = {};
        run_context.generation = RunContext::newest;
        result = run(request.program, context, run_context);
    }
    return static_cast<uint32_t>(result);
}

// Linux calls test functions of the kernel, to which the program may be attached.  graft has none: programs are attached to programs.
Result<TestRunOutcome> test_run_tracing(const TestRunRequest& request) {
    if (request.flags != 0 || request.cpu != 0 || request.batch_size != 0) {
        return fail(EINVAL, "a test run of a tracing program takes no flags, CPU or batch size");
    }
    TestRunOutcome outcome;
    outcome.has_packet = false;
    return outcome;
}

}  // namespace

Result<TestRunOutcome> test_run(const TestRunRequest& request) {
    switch (request.program.facts().type) {
        case BPF_PROG_TYPE_XDP:
            return test_run_xdp(request);
        case BPF_PROG_TYPE_SOCKET_FILTER:
        case BPF_PROG_TYPE_SCHED_CLS:
        case BPF_PROG_TYPE_SCHED_ACT:
        case BPF_PROG_TYPE_CGROUP_SKB:
        case BPF_PROG_TYPE_LWT_IN:
        case BPF_PROG_TYPE_LWT_OUT:
        case BPF_PROG_TYPE_LWT_XMIT:
        case BPF_PROG_TYPE_LWT_SEG6LOCAL:
            return test_run_skb(request);
        case BPF_PROG_TYPE_SYSCALL:
            return test_run_syscall(request);
        case BPF_PROG_TYPE_TRACING:
            return test_run_tracing(request);
        default:
            return fail(abi::enotsupp, "programs of this type have no BPF_PROG_TEST_RUN");
    }
}

Result<void> repeat_run(const TestRunRequest& request, void* context, TestRunOutcome& outcome) {
    constexpr uint32_t batch = 64;
    const uint32_t repeat = std::max(request.repeat, 1U);
    uint64_t spent = 0;
    for (uint32_t done = 0; done < repeat;) {
        const uint32_t count = std::min(batch, repeat - done);
        const uint64_t start = now_ns();
        outcome.retval = run_batch(request, context, count);
        spent += now_ns() - start;
        done += count;
        if (done < repeat && request.caller.gone()) return fail(EINTR, "the client is gone");
    }
    outcome.duration = static_cast<uint32_t>(std::min<uint64_t>(spent / repeat, UINT32_MAX));
    return {};
}

Result<void> read_context(const TestRunRequest& request, MutableBytes context) {
    if (request.ctx_in == 0) return {};
    constexpr uint32_t longest = 4096;
    const uint32_t given = request.ctx_size_in;
    if (given > longest) return fail(E2BIG, "the context is longer than a page");
    std::array<std::byte, longest> all;
    const auto read = std::span(all).first(given);
    TRY(request.caller.read(request.ctx_in, read));
    const auto known = read.first(std::min<size_t>(given, context.size()));
    if (std::any_of(read.begin() + static_cast<ptrdiff_t>(known.size()), read.end(), [](std::byte b) { return b != std::byte{0}; })) {
        return fail(E2BIG, "the context has a field that this kernel does not know");
    }
    std::copy(known.begin(), known.end(), context.begin());
    return {};
}

}  // namespace graft
