// BPF_PROG_TEST_RUN of syscall programs: the context is the client's memory, copied in and out.
#include "hook/test_run.h"

namespace graft {

Result<TestRunOutcome> test_run_syscall(const TestRunRequest& request) {
    const uint32_t size = request.ctx_size_in;
    if (request.data_in != 0 || request.wants_output || request.repeat != 0 || request.flags != 0 || request.batch_size != 0 ||
        request.cpu != 0) {
        return fail(EINVAL, "a run of a syscall program takes a context and nothing else");
    }
    if (size < request.program.code().max_ctx_offset || size > UINT16_MAX) {
        return fail(EINVAL, "the context is shorter than what the program touches, or longer than 64 KiB");
    }
    std::vector<std::byte> context(size);
    if (size != 0) TRY(request.caller.read(request.ctx_in, context));
    TestRunOutcome outcome;
    outcome.has_packet = false;
    TRY(repeat_run(request, context.data(), outcome));
    if (size != 0) TRY(request.caller.write(request.ctx_in, context));
    return outcome;
}

}  // namespace graft
