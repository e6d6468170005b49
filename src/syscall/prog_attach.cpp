// BPF_PROG_ATTACH and BPF_PROG_DETACH: the attach points without links.  graft has none of them, so nothing can be attached or detached.

#include "link/cgroup.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {

Result<Reply> prog_attach(Kernel&, Caller& caller, const Attr& attr) {
    if (attr->attach_type >= abi::attach_type_end) return fail(EINVAL, "unknown attach type");
    TRY(program_of(caller, attr->attach_bpf_fd));
    return fail(EINVAL, "graft has no attach point of that type");
}

// A tc program at an interface; to detach, it need not be named.
Result<Reply> detach_tcx(Caller& caller, const Attr& attr) {
    if (attr->attach_bpf_fd != 0 && TRY(program_of(caller, attr->attach_bpf_fd))->facts().type != BPF_PROG_TYPE_SCHED_CLS) {
        return fail(EINVAL, "the program is none of tc");
    }
    if (!TRY(caller.has_interface(attr->target_fd))) return fail(ENODEV, "the client's network namespace has no such interface");
    return fail(ENOENT, "graft attaches no program there");
}

Result<Reply> prog_detach(Kernel&, Caller& caller, const Attr& attr) {
    if (attr->attach_type == abi::attach_tcx_ingress || attr->attach_type == abi::attach_tcx_egress) return detach_tcx(caller, attr);
    if (is_cgroup_attach_type(attr->attach_type)) {
        TRY(caller.cgroup(static_cast<int>(attr->target_fd)));
        return fail(ENOENT, "nothing is attached to the cgroup without a link");
    }
    return fail(EINVAL, "graft has no attach point of that type");
}

}  // namespace graft::command
