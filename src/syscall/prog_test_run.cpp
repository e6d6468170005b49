// BPF_PROG_TEST_RUN: runs a program on the client's packet and gives back what it made of it.

#include "hook/test_run.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/program_calls.h"

namespace graft::command {
namespace {

TestRunRequest decode(Kernel& kernel, Caller& caller, ProgramCalls& calls, const Attr& attr, const Program& program) {
    TestRunRequest request{.caller = caller, .runtime = kernel.runtime, .program = program, .calls = &calls};
    request.data_in = attr->test.data_in;
    request.data_size_in = attr->test.data_size_in;
    request.ctx_in = attr->test.ctx_in;
    request.ctx_size_in = attr->test.ctx_size_in;
    request.wants_output = attr->test.data_out != 0 || attr->test.ctx_out != 0 || attr->test.duration != 0;
    request.has_context = attr->test.ctx_in != 0 || attr->test.ctx_out != 0;
    request.repeat = attr->test.repeat;
    request.flags = attr->test.flags;
    request.cpu = attr->test.cpu;
    request.batch_size = attr->test.batch_size;
    return request;
}

// As much as fits: ENOSPC then, after all has been answered.  A size of 0 limits nothing.
Result<void> answer_data(Caller& caller, const Attr& attr, const TestRunOutcome& outcome) {
    if (!outcome.has_packet) return attr.put(caller, offsetof(bpf_attr, test.retval), outcome.retval);
    const auto size = static_cast<uint32_t>(outcome.data.size());
    const uint32_t room = attr->test.data_size_out;
    const bool fits = room == 0 || size <= room;
    const uint32_t copied = fits ? size : room;
    if (attr->test.data_out != 0) {
        if (copied < outcome.fragments) return fail(ENOSPC, "data_out is too small for the packet's fragments");
        TRY(caller.write(attr->test.data_out, std::span(outcome.data).first(copied)));
    }
    TRY(attr.put(caller, offsetof(bpf_attr, test.data_size_out), size));
    TRY(attr.put(caller, offsetof(bpf_attr, test.retval), outcome.retval));
    TRY(attr.put(caller, offsetof(bpf_attr, test.duration), outcome.duration));
    if (!fits) return fail(ENOSPC, "data_out is too small for the packet");
    return {};
}

Result<void> answer_context(Caller& caller, const Attr& attr, const TestRunOutcome& outcome) {
    if (attr->test.ctx_out == 0) return {};
    const auto size = static_cast<uint32_t>(outcome.context.size());
    const uint32_t copied = std::min(size, attr->test.ctx_size_out);
    TRY(caller.write(attr->test.ctx_out, std::span(outcome.context).first(copied)));
    TRY(attr.put(caller, offsetof(bpf_attr, test.ctx_size_out), size));
    if (copied < size) return fail(ENOSPC, "ctx_out is too small for the context");
    return {};
}

}  // namespace

Result<Reply> prog_test_run(Kernel& kernel, Caller& caller, const Attr& attr) {
    if ((attr->test.ctx_in != 0) != (attr->test.ctx_size_in != 0)) return fail(EINVAL, "ctx_in and ctx_size_in go together");
    if ((attr->test.ctx_out != 0) != (attr->test.ctx_size_out != 0)) return fail(EINVAL, "ctx_out and ctx_size_out go together");
    const Ref<Program> program = TRY(program_of(caller, attr->test.prog_fd));
    ProgramCalls calls(kernel, caller);
    const TestRunOutcome outcome = TRY(test_run(decode(kernel, caller, calls, attr, *program)));
    TRY(answer_data(caller, attr, outcome));
    TRY(answer_context(caller, attr, outcome));
    return Reply(0);
}

}  // namespace graft::command
