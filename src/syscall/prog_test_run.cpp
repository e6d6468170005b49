// BPF_PROG_TEST_RUN: copies frame and context in, runs, copies them out.
#include <algorithm>
#include <cstring>

#include "hook/test_run.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {
namespace {

constexpr uint32_t longest_frame = 4096;

#define TEST_FIELD(field) offsetof(bpf_attr, test.field)

Result<std::vector<std::byte>> read_frame(Caller& caller, const Attr& attr) {
    if (attr->test.data_size_in > longest_frame)
        return fail(EINVAL, "data_in is longer than one page holds; graft has no multi-buffer frames");
    std::vector<std::byte> frame(attr->test.data_size_in);
    TRY(caller.read(attr->test.data_in, frame));
    return frame;
}

// A context that may be shorter or longer than ours: the difference is zero.  False: none was given.
template <class T>
Result<bool> read_context(Caller& caller, const Attr& attr, T& context) {
    if (attr->test.ctx_in == 0) return false;
    const uint32_t size = attr->test.ctx_size_in;
    if (size > longest_frame) return fail(E2BIG, "ctx_in is larger than a page");
    std::vector<std::byte> bytes(std::max<size_t>(size, sizeof(T)));
    TRY(caller.read(attr->test.ctx_in, std::span(bytes).first(size)));
    if (std::any_of(bytes.begin() + sizeof(T), bytes.end(), [](std::byte b) { return b != std::byte{0}; })) {
        return fail(E2BIG, "ctx_in has something behind the fields that this kernel knows");
    }
    std::memcpy(&context, bytes.data(), sizeof(T));
    return true;
}

Result<void> write_results(Caller& caller, const Attr& attr, const TestRun& run, Bytes frame) {
    const auto size = static_cast<uint32_t>(frame.size());
    const uint32_t room = attr->test.data_size_out;
    const bool short_of_room = room != 0 && size > room;
    if (attr->test.data_out != 0) TRY(caller.write(attr->test.data_out, short_of_room ? frame.first(room) : frame));
    TRY(attr.put(caller, TEST_FIELD(data_size_out), size));
    TRY(attr.put(caller, TEST_FIELD(retval), run.retval));
    TRY(attr.put(caller, TEST_FIELD(duration), run.duration));
    if (short_of_room) return fail(ENOSPC, "data_out is too small for the frame");
    return {};
}

Result<void> write_context(Caller& caller, const Attr& attr, Bytes context) {
    if (attr->test.ctx_out == 0) return {};
    const uint32_t room = attr->test.ctx_size_out;
    const bool short_of_room = context.size() > room;
    TRY(caller.write(attr->test.ctx_out, short_of_room ? context.first(room) : context));
    TRY(attr.put(caller, TEST_FIELD(ctx_size_out), static_cast<uint32_t>(context.size())));
    if (short_of_room) return fail(ENOSPC, "ctx_out is too small for the context");
    return {};
}

#undef TEST_FIELD

void prepare(TestRun& run, Caller& caller, const Attr& attr) {
    run.repeat = attr->test.repeat;
    run.given_up = [&caller] { return caller.gone(); };
}

Result<Reply> run_xdp(Kernel& kernel, Caller& caller, const Attr& attr, const Program& program) {
    const uint32_t attach_type = program.facts().expected_attach_type;
    if (attach_type == BPF_XDP_DEVMAP || attach_type == BPF_XDP_CPUMAP)
        return fail(EINVAL, "programs of a devmap or cpumap cannot be test-run");
    if ((attr->test.flags & ~uint32_t{BPF_F_TEST_XDP_LIVE_FRAMES}) != 0) return fail(EINVAL, "flags has an unknown flag");
    if ((attr->test.flags & BPF_F_TEST_XDP_LIVE_FRAMES) != 0) return fail(EOPNOTSUPP, "test runs that send live frames are not supported");
    if (attr->test.batch_size != 0) return fail(EINVAL, "batch_size is for live frames only");
    XdpTestRun run;
    prepare(run, caller, attr);
    run.has_context = TRY(read_context(caller, attr, run.context));
    run.frame = TRY(read_frame(caller, attr));
    if (run.context.ingress_ifindex != 0) run.ingress_known = TRY(caller.has_interface(run.context.ingress_ifindex));
    TRY(test_run_xdp(program, kernel.cpus, run));
    TRY(write_results(caller, attr, run, run.frame));
    TRY(write_context(caller, attr, bytes_of(run.context)));
    return Reply(0);
}

Result<Reply> run_skb(Kernel& kernel, Caller& caller, const Attr& attr, const Program& program) {
    if (attr->test.flags != 0 || attr->test.cpu != 0 || attr->test.batch_size != 0) {
        return fail(EINVAL, "flags, cpu and batch_size must be 0 for this program type");
    }
    SkbTestRun run;
    prepare(run, caller, attr);
    run.frame = TRY(read_frame(caller, attr));
    run.has_context = TRY(read_context(caller, attr, run.context));
    TRY(test_run_skb(program, kernel.cpus, run));
    TRY(write_results(caller, attr, run, run.frame));
    TRY(write_context(caller, attr, bytes_of(run.context)));
    return Reply(0);
}

}  // namespace

Result<Reply> prog_test_run(Kernel& kernel, Caller& caller, const Attr& attr) {
    if ((attr->test.ctx_size_in != 0) != (attr->test.ctx_in != 0)) return fail(EINVAL, "ctx_in and ctx_size_in go together");
    if ((attr->test.ctx_size_out != 0) != (attr->test.ctx_out != 0)) return fail(EINVAL, "ctx_out and ctx_size_out go together");
    const Ref<Program> program = TRY(program_of(caller, attr->test.prog_fd));
    switch (program->facts().type) {
        case BPF_PROG_TYPE_XDP:
            return run_xdp(kernel, caller, attr, *program);
        case BPF_PROG_TYPE_SOCKET_FILTER:
        case BPF_PROG_TYPE_SCHED_CLS:
        case BPF_PROG_TYPE_SCHED_ACT:
            return run_skb(kernel, caller, attr, *program);
        default:
            return fail(abi::enotsupp, "programs of this type cannot be test-run");
    }
}

}  // namespace graft::command
