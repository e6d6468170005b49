// BPF_OBJ_PIN: gives an object a name in bpffs, which keeps it alive.

#include "syscall/command.h"
#include "syscall/path.h"

namespace graft::command {
namespace {

// Maps, programs and links have names; whatever else the descriptor is, or is not, is EINVAL.
Result<Ref<Object>> pinnable(Caller& caller, uint32_t fd) {
    Result<DescriptorRef> found = caller.descriptor(static_cast<int>(fd));
    if (!found.ok()) return fail(found.code() == EBADF ? EINVAL : found.code(), "bpf_fd is not an object of this kernel");
    const ObjectKind kind = found->object->object_kind();
    if (kind != ObjectKind::map && kind != ObjectKind::program && kind != ObjectKind::link)
        return fail(EINVAL, "only maps, programs and links are pinned");
    return found->object;
}

}  // namespace

Result<Reply> obj_pin(Kernel&, Caller& caller, const Attr& attr) {
    if ((attr->file_flags & ~abi::f_path_fd) != 0) return fail(EINVAL, "file_flags has a flag that BPF_OBJ_PIN does not take");
    const int path_fd = TRY(path_fd_of(attr));
    Ref<Object> object = TRY(pinnable(caller, attr->bpf_fd));
    TRY(caller.pin(TRY(path_of(caller, attr)), path_fd, std::move(object)));
    return Reply(0);
}

}  // namespace graft::command
