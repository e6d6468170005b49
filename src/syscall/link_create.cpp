// BPF_LINK_CREATE: by the program's type.

#include "link/tracing.h"
#include "link/xdp.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"

namespace graft::command {
namespace {

// What attach_type says of an extension does not matter, nor do flags: it has one place to go.
Result<Ref<Link>> create_tracing(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    const uint32_t target_fd = attr->link_create.target_fd, btf_id = attr->link_create.target_btf_id;
    if (program->facts().type == BPF_PROG_TYPE_TRACING && attr->link_create.attach_type != program->facts().expected_attach_type) {
        return fail(EINVAL, "attach_type is not the program's expected_attach_type");
    }
    if ((target_fd != 0) != (btf_id != 0)) return fail(EINVAL, "target_fd and target_btf_id go together");
    TracingRequest request{std::move(program), nullptr, btf_id, attr->link_create.tracing.cookie};
    if (target_fd != 0) request.target = TRY(program_of(caller, target_fd));
    return attach_tracing(std::move(request), kernel.targets, kernel.links);
}

Result<Ref<Link>> create_xdp(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    if (attr->link_create.attach_type != BPF_XDP) return fail(EINVAL, "an XDP program is attached with BPF_XDP");
    const uint32_t ifindex = attr->link_create.target_ifindex;
    const NetNamespace net = TRY(caller.net_namespace());
    if (!TRY(caller.has_interface(ifindex))) return fail(EINVAL, "the client's network namespace has no interface of that index");
    Ref<Link> link = TRY(attach_xdp(std::move(program), {net.cookie, ifindex}, attr->link_create.flags, kernel.xdp));
    link->register_in(kernel.links);
    return link;
}

}  // namespace

Result<Reply> link_create(Kernel& kernel, Caller& caller, const Attr& attr) {
    Ref<Program> program = TRY(program_of(caller, attr->link_create.prog_fd));
    switch (program->facts().type) {
        case BPF_PROG_TYPE_EXT:
        case BPF_PROG_TYPE_TRACING:
            return Reply(TRY(create_tracing(kernel, caller, attr, std::move(program))));
        case BPF_PROG_TYPE_XDP:
            return Reply(TRY(create_xdp(kernel, caller, attr, std::move(program))));
        default:
            return fail(EINVAL, "graft has no link for programs of this type");
    }
}

}  // namespace graft::command
