// BPF_LINK_CREATE: by the program's type.

#include "link/cgroup.h"
#include "link/perf_event.h"
#include "link/tracing.h"
#include "link/xdp.h"
#include "syscall/command.h"
#include "syscall/descriptors.h"
#include "syscall/why.h"

namespace graft::command {
namespace {

// Before the descriptor is looked at.
Result<void> takes_a_target(uint32_t type) {
    if (type == BPF_PROG_TYPE_EXT) return {};
    return fail(EINVAL, "fentry and fexit programs attach to the function that they were loaded for: give no target");
}

// What attach_type says of an extension does not matter, nor do flags: it has one place to go.
Result<Ref<Link>> create_tracing(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program, Log& log) {
    const uint32_t target_fd = attr->link_create.target_fd, btf_id = attr->link_create.target_btf_id;
    if (program->facts().type == BPF_PROG_TYPE_TRACING && attr->link_create.attach_type != program->facts().expected_attach_type) {
        return fail(EINVAL, "attach_type is not the program's expected_attach_type");
    }
    if ((target_fd != 0) != (btf_id != 0)) return fail(EINVAL, "target_fd and target_btf_id go together");
    TracingRequest request{std::move(program), nullptr, btf_id, attr->link_create.tracing.cookie};
    if (target_fd != 0) {
        TRY(takes_a_target(request.program->facts().type));
        request.target = TRY(program_of(caller, target_fd));
    }
    if (const uint32_t fd = attr.own().transaction_fd; fd != 0) return TRY(transaction_of(caller, fd))->attach(std::move(request), log);
    return attach_tracing(std::move(request), kernel.targets, kernel.links, log);
}

Result<Ref<Link>> create_xdp(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    if (attr->link_create.attach_type != BPF_XDP) return fail(EINVAL, "an XDP program is attached with BPF_XDP");
    const uint32_t ifindex = attr->link_create.target_ifindex;
    const NetNamespace net = TRY(caller.net_namespace());
    if (!TRY(caller.has_interface(ifindex))) return fail(EINVAL, "the client's network namespace has no interface of that index");
    Result<Ref<Link>> link = attach_xdp(std::move(program), {net.cookie, ifindex}, attr->link_create.flags, kernel.xdp);
    if (link.ok()) {
        (*link)->register_in(kernel.links);
    } else {
        const char* const reason = link.error().reason;
        kernel.tracepoints.xdp_link_attach_failed(reason == nullptr ? "" : reason);
    }
    return link;
}

Result<Ref<Link>> create_cgroup(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    const uint32_t attach_type = attr->link_create.attach_type;
    if (!goes_to_cgroup(program->facts(), attach_type)) return fail(EINVAL, "the program does not go to this place of a cgroup");
    if (attr->link_create.flags != 0) return fail(EINVAL, "a link to a cgroup has no flags");
    const uint64_t cgroup = TRY(caller.cgroup(static_cast<int>(attr->link_create.target_fd)));
    caller.tell("graft: sockets and devices are the host's: none enters the program at the cgroup\n");
    return attach_cgroup(std::move(program), {.cgroup = cgroup, .attach_type = attach_type}, kernel.cgroups, kernel.links);
}

Result<Ref<Link>> create_perf_event(Kernel& kernel, Caller& caller, const Attr& attr, Ref<Program> program) {
    if (attr->link_create.attach_type != BPF_PERF_EVENT) return fail(EINVAL, "attach_type is not BPF_PERF_EVENT");
    if (attr->link_create.flags != 0) return fail(EINVAL, "a link to an event has no flags");
    const auto found = caller.descriptor(static_cast<int>(attr->link_create.target_fd));
    if (found.code() == EBADF) return found.error();
    if (!found.ok()) return fail(EOPNOTSUPP, "target_fd is no event of graft's: those of the host's kernel are none of its business");
    if (found->object->object_kind() != ObjectKind::trace_event) return fail(EBADF, "target_fd is not a tracepoint's event");
    return attach_perf_event(std::move(program), static_ref_cast<TraceEvent>(found->object), kernel.tracepoints, kernel.links);
}

// prog_fd is then a map's.
Result<Ref<Link>> create_struct_ops(Caller& caller, const Attr& attr) {
    TRY(map_of(caller, attr->link_create.prog_fd));
    return fail(EINVAL, "the map is not of operations that can be registered");
}

Result<Ref<Link>> create(Kernel& kernel, Caller& caller, const Attr& attr, Log& log) {
    if (attr->link_create.attach_type == abi::attach_struct_ops) return create_struct_ops(caller, attr);
    Ref<Program> program = TRY(program_of(caller, attr->link_create.prog_fd));
    switch (program->facts().type) {
        case BPF_PROG_TYPE_EXT:
        case BPF_PROG_TYPE_TRACING:
            return create_tracing(kernel, caller, attr, std::move(program), log);
        case BPF_PROG_TYPE_XDP:
            return create_xdp(kernel, caller, attr, std::move(program));
        case BPF_PROG_TYPE_KPROBE:
        case BPF_PROG_TYPE_TRACEPOINT:
        case BPF_PROG_TYPE_PERF_EVENT:
            return create_perf_event(kernel, caller, attr, std::move(program));
        case BPF_PROG_TYPE_CGROUP_SKB:
        case BPF_PROG_TYPE_CGROUP_SOCK:
        case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
        case BPF_PROG_TYPE_SOCK_OPS:
        case BPF_PROG_TYPE_CGROUP_DEVICE:
        case BPF_PROG_TYPE_CGROUP_SYSCTL:
        case BPF_PROG_TYPE_CGROUP_SOCKOPT:
            return create_cgroup(kernel, caller, attr, std::move(program));
        default:
            return fail(EINVAL, "graft has no link for programs of this type");
    }
}

}  // namespace

Result<Reply> link_create(Kernel& kernel, Caller& caller, const Attr& attr) {
    Why why = TRY(Why::open(attr));
    return Reply(TRY(why.close(caller, attr, create(kernel, caller, attr, why.log()))));
}

}  // namespace graft::command
