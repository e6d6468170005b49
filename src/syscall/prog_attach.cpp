// BPF_PROG_ATTACH and BPF_PROG_DETACH: the attach points without links.  graft has none of them, so nothing can be attached or detached.

#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {

Result<Reply> prog_attach(Kernel&, Caller& caller, const Attr& attr) {
    if (attr->attach_type >= abi::attach_type_end) return fail(EINVAL, "unknown attach type");
    TRY(program_of(caller, attr->attach_bpf_fd));
    return fail(EINVAL, "graft has no attach point of that type");
}

Result<Reply> prog_detach(Kernel&, Caller&, const Attr&) { return fail(EINVAL, "graft has no attach point of that type"); }

}  // namespace graft::command
