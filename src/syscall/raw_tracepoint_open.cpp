// BPF_RAW_TRACEPOINT_OPEN: without a name, attaches a program to the target that it was loaded for.

#include "link/tracing.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/why.h"

namespace graft::command {

Result<Reply> raw_tracepoint_open(Kernel& kernel, Caller& caller, const Attr& attr) {
    Ref<Program> program = TRY(program_of(caller, attr->raw_tracepoint.prog_fd));
    const uint32_t type = program->facts().type;
    if (type != BPF_PROG_TYPE_EXT && type != BPF_PROG_TYPE_TRACING)
        return fail(EINVAL, "graft has no raw tracepoint for programs of this type");
    if (attr->raw_tracepoint.name != 0) return fail(EINVAL, "this program knows its place: no name is given");
    Why why = TRY(Why::open(attr));
    return Reply(
        TRY(why.close(caller, attr, attach_tracing({std::move(program), nullptr, 0, 0}, kernel.targets, kernel.links, why.log()))));
}

}  // namespace graft::command
