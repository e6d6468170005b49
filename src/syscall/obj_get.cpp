// BPF_OBJ_GET: a descriptor of the object that a name in bpffs keeps.

#include "syscall/command.h"
#include "syscall/path.h"

namespace graft::command {

Result<Reply> obj_get(Kernel&, Caller& caller, const Attr& attr) {
    constexpr uint32_t access = BPF_F_RDONLY | BPF_F_WRONLY;
    const uint32_t flags = attr->file_flags;
    if (attr->bpf_fd != 0) return fail(EINVAL, "bpf_fd is not of BPF_OBJ_GET");
    if ((flags & ~(access | abi::f_path_fd)) != 0) return fail(EINVAL, "file_flags has an unknown flag");
    const int path_fd = TRY(path_fd_of(attr));
    if ((flags & access) == access) return fail(EINVAL, "file_flags says read-only and write-only");
    Reply reply(TRY(caller.pinned(TRY(path_of(caller, attr)), path_fd)));
    if (reply.object->object_kind() == ObjectKind::link && (flags & access) != 0)
        return fail(EINVAL, "a link is opened for reading and writing");
    if (reply.object->object_kind() == ObjectKind::map) {
        reply.readable = (flags & BPF_F_WRONLY) == 0;
        reply.writable = (flags & BPF_F_RDONLY) == 0;
    }
    return reply;
}

}  // namespace graft::command
