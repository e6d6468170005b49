// BPF_{PROG,MAP,BTF,LINK}_GET_FD_BY_ID: a further descriptor of a live object; ENOENT when there is none of that id.

#include "syscall/command.h"

namespace graft::command {
namespace {

template <class T>
Result<Ref<Object>> find(const IdTable<T>& table, uint32_t id) {
    Ref<T> object = table.find(id);
    if (!object) return fail(ENOENT, "no object has that id");
    return Ref<Object>(std::move(object));
}

}  // namespace

Result<Reply> prog_get_fd_by_id(Kernel& kernel, Caller&, const Attr& attr) { return Reply(TRY(find(kernel.programs, attr->prog_id))); }

Result<Reply> btf_get_fd_by_id(Kernel& kernel, Caller&, const Attr& attr) { return Reply(TRY(find(kernel.btfs, attr->btf_id))); }

Result<Reply> link_get_fd_by_id(Kernel& kernel, Caller&, const Attr& attr) { return Reply(TRY(find(kernel.links, attr->link_id))); }

Result<Reply> map_get_fd_by_id(Kernel& kernel, Caller&, const Attr& attr) {
    const uint32_t flags = attr->open_flags;
    if ((flags & ~uint32_t{BPF_F_RDONLY | BPF_F_WRONLY}) != 0) return fail(EINVAL, "open_flags has an unknown flag");
    if (flags == (BPF_F_RDONLY | BPF_F_WRONLY)) return fail(EINVAL, "open_flags says read-only and write-only");
    Reply reply(TRY(find(kernel.maps, attr->map_id)));
    reply.readable = (flags & BPF_F_WRONLY) == 0;
    reply.writable = (flags & BPF_F_RDONLY) == 0;
    return reply;
}

}  // namespace graft::command
