// BPF_RAW_TRACEPOINT_OPEN: attaches a program to an event by its name; without a name, to the target that it was loaded for.

#include "link/raw_tracepoint.h"
#include "link/tracing.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/why.h"

namespace graft::command {
namespace {

constexpr size_t longest_name = 128;

Result<Ref<Link>> open_event(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    const std::string event = TRY(caller.read_string(attr->raw_tracepoint.name, longest_name));
    if (!is_raw_tracepoint(event)) return fail(ENOENT, "graft has no event of that name");
    caller.tell("graft: system calls are the host's: none enters the program at " + event + "\n");
    auto link = make_ref<RawTracepointLink>(std::move(program), event);
    link->register_in(kernel.links);
    return Ref<Link>(std::move(link));
}

Result<Ref<Link>> open(Kernel& kernel, Caller& caller, const Attr& attr, Log& log) {
    Ref<Program> program = TRY(program_of(caller, attr->raw_tracepoint.prog_fd));
    switch (program->facts().type) {
        case BPF_PROG_TYPE_EXT:
        case BPF_PROG_TYPE_TRACING:
            if (attr->raw_tracepoint.name != 0) return fail(EINVAL, "this program knows its place: no name is given");
            return attach_tracing({std::move(program), nullptr, 0, 0}, kernel.targets, kernel.links, log);
        case BPF_PROG_TYPE_RAW_TRACEPOINT:
        case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
            return open_event(kernel, caller, attr, std::move(program));
        default:
            return fail(EINVAL, "programs of this type have no raw tracepoint");
    }
}

}  // namespace

Result<Reply> raw_tracepoint_open(Kernel& kernel, Caller& caller, const Attr& attr) {
    Why why = TRY(Why::open(attr));
    return Reply(TRY(why.close(caller, attr, open(kernel, caller, attr, why.log()))));
}

}  // namespace graft::command
