// BPF_ITER_CREATE: graft has no iterator links, so no link is one.

#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {

Result<Reply> iter_create(Kernel&, Caller& caller, const Attr& attr) {
    if (attr->iter_create.flags != 0) return fail(EINVAL, "unknown flag");
    TRY(link_of(caller, attr->iter_create.link_fd));
    return fail(EINVAL, "the link is no iterator");
}

}  // namespace graft::command
