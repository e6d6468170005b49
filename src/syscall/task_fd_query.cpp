// BPF_TASK_FD_QUERY: which probe a descriptor of a task is.  graft has no probes, so none is.

#include "syscall/command.h"

namespace graft::command {

Result<Reply> task_fd_query(Kernel&, Caller&, const Attr& attr) {
    if (attr->task_fd_query.flags != 0) return fail(EINVAL, "unknown flag");
    return fail(abi::enotsupp, "the descriptor is no tracepoint, kprobe or uprobe");
}

}  // namespace graft::command
