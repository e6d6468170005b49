// BPF_PROG_QUERY: what is attached where BPF_PROG_ATTACH attaches: links at cgroups, and nothing at the other points that clients look at.
//
// unlike Linux: what is effective at a cgroup is what is at itself.

#include <algorithm>
#include <span>
#include <vector>

#include "link/cgroup.h"
#include "syscall/command.h"

namespace graft::command {
namespace {

Result<void> require_interface(Caller& caller, const Attr& attr) {
    if (!TRY(caller.has_interface(attr->query.target_fd))) return fail(ENODEV, "no interface has that index");
    return {};
}

// unlike Linux: any open file passes for a network namespace.
Result<void> require_open_file(Caller& caller, const Attr& attr) {
    const Result<DescriptorRef> found = caller.descriptor(static_cast<int>(attr->query.target_fd));
    if (found.ok()) return fail(EINVAL, "target_fd is not a network namespace");
    if (found.code() != EINVAL) return found.error();
    return {};
}

// What is at a cgroup: the ids, as many as the client has room for (ENOSPC: there are more).
Result<Reply> query_cgroup(Kernel& kernel, Caller& caller, const Attr& attr) {
    const uint64_t cgroup = TRY(caller.cgroup(static_cast<int>(attr->query.target_fd)));
    const std::vector<uint32_t> ids = kernel.cgroups.program_ids({.cgroup = cgroup, .attach_type = attr->query.attach_type});
    const auto count = static_cast<uint32_t>(ids.size());
    const bool effective = attr->query.query_flags != 0;
    if (effective && attr->query.prog_attach_flags != 0) return fail(EINVAL, "what is effective has no flags");
    TRY(attr.put(caller, offsetof(bpf_attr, query.attach_flags), count == 0 || effective ? uint32_t{0} : uint32_t{BPF_F_ALLOW_MULTI}));
    TRY(attr.put(caller, offsetof(bpf_attr, query.prog_cnt), count));
    if (attr->query.prog_cnt == 0 || attr->query.prog_ids == 0 || count == 0) return Reply(0);
    const uint32_t shown = std::min(count, attr->query.prog_cnt);
    TRY(caller.write(attr->query.prog_ids, std::as_bytes(std::span(ids).first(shown))));
    if (attr->query.prog_attach_flags != 0) {
        const std::vector<uint32_t> flags(shown, BPF_F_ALLOW_MULTI);
        TRY(caller.write(attr->query.prog_attach_flags, std::as_bytes(std::span(flags))));
    }
    if (shown < count) return fail(ENOSPC, "more programs are attached than there is room for");
    return Reply(0);
}

}  // namespace

Result<Reply> prog_query(Kernel& kernel, Caller& caller, const Attr& attr) {
    if ((attr->query.query_flags & ~uint32_t{BPF_F_QUERY_EFFECTIVE}) != 0) return fail(EINVAL, "query_flags has an unknown flag");
    switch (attr->query.attach_type) {
        case BPF_FLOW_DISSECTOR:
        case BPF_SK_LOOKUP:
            if (attr->query.query_flags != 0) return fail(EINVAL, "query_flags is not of this attach type");
            TRY(require_open_file(caller, attr));
            break;
        case abi::attach_tcx_ingress:
        case abi::attach_tcx_egress:
            TRY(require_interface(caller, attr));
            if (attr->query.query_flags != 0) return fail(EINVAL, "query_flags is not of this attach type");
            TRY(attr.put(caller, abi::query_revision, uint64_t{1}));
            break;
        default:
            if (is_cgroup_attach_type(attr->query.attach_type)) return query_cgroup(kernel, caller, attr);
            return fail(EINVAL, "graft has no attach point of that type");
    }
    TRY(attr.put(caller, offsetof(bpf_attr, query.attach_flags), uint32_t{0}));
    TRY(attr.put(caller, offsetof(bpf_attr, query.prog_cnt), uint32_t{0}));
    return Reply(0);
}

}  // namespace graft::command
