// BPF_LINK_UPDATE and BPF_LINK_DETACH: what a link can do is its type's matter.

#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {

Result<Reply> link_update(Kernel&, Caller& caller, const Attr& attr) {
    const uint32_t flags = attr->link_update.flags;
    if ((flags & ~uint32_t{BPF_F_REPLACE}) != 0) return fail(EINVAL, "unknown flag");
    const Ref<Link> link = TRY(link_of(caller, attr->link_update.link_fd));
    Ref<Program> program = TRY(program_of(caller, attr->link_update.new_prog_fd));
    Ref<Program> expected;
    if ((flags & BPF_F_REPLACE) != 0) {
        expected = TRY(program_of(caller, attr->link_update.old_prog_fd));
    } else if (attr->link_update.old_prog_fd != 0) {
        return fail(EINVAL, "old_prog_fd without BPF_F_REPLACE");
    }
    TRY(link->update(std::move(program), std::move(expected), flags));
    return Reply(0);
}

Result<Reply> link_detach(Kernel&, Caller& caller, const Attr& attr) {
    const Ref<Link> link = TRY(link_of(caller, attr->link_detach.link_fd));
    TRY(link->detach());
    return Reply(0);
}

}  // namespace graft::command
