// BPF_{PROG,MAP,BTF,LINK}_GET_NEXT_ID: the smallest id greater than start_id; ENOENT after the last.

#include "syscall/command.h"

namespace graft::command {
namespace {

template <class T>
Result<Reply> get_next_id(const IdTable<T>& table, Caller& caller, const Attr& attr) {
    if (attr->start_id >= INT32_MAX) return fail(EINVAL, "start_id is past the largest id");
    const uint32_t next = table.next(attr->start_id);
    if (next == 0) return fail(ENOENT, "there is no greater id");
    TRY(attr.put(caller, offsetof(bpf_attr, next_id), next));
    return Reply(0);
}

}  // namespace

Result<Reply> prog_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr) { return get_next_id(kernel.programs, caller, attr); }
Result<Reply> map_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr) { return get_next_id(kernel.maps, caller, attr); }
Result<Reply> btf_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr) { return get_next_id(kernel.btfs, caller, attr); }
Result<Reply> link_get_next_id(Kernel& kernel, Caller& caller, const Attr& attr) { return get_next_id(kernel.links, caller, attr); }

}  // namespace graft::command
