// BPF_PROG_QUERY: what is attached where BPF_PROG_ATTACH attaches: nothing, at the attach points that clients look at.

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

bool is_cgroup_attach_type(uint32_t type) {
    switch (type) {
        case BPF_CGROUP_INET_INGRESS:
        case BPF_CGROUP_INET_EGRESS:
        case BPF_CGROUP_INET_SOCK_CREATE:
        case BPF_CGROUP_SOCK_OPS:
        case BPF_CGROUP_DEVICE:
        case BPF_CGROUP_INET4_BIND:
        case BPF_CGROUP_INET6_BIND:
        case BPF_CGROUP_INET4_CONNECT:
        case BPF_CGROUP_INET6_CONNECT:
        case BPF_CGROUP_INET4_POST_BIND:
        case BPF_CGROUP_INET6_POST_BIND:
        case BPF_CGROUP_UDP4_SENDMSG:
        case BPF_CGROUP_UDP6_SENDMSG:
        case BPF_CGROUP_SYSCTL:
        case BPF_CGROUP_UDP4_RECVMSG:
        case BPF_CGROUP_UDP6_RECVMSG:
        case BPF_CGROUP_GETSOCKOPT:
        case BPF_CGROUP_SETSOCKOPT:
        case BPF_CGROUP_INET4_GETPEERNAME:
        case BPF_CGROUP_INET6_GETPEERNAME:
        case BPF_CGROUP_INET4_GETSOCKNAME:
        case BPF_CGROUP_INET6_GETSOCKNAME:
        case BPF_CGROUP_INET_SOCK_RELEASE:
        case BPF_LSM_CGROUP:
            return true;
        default:
            return false;
    }
}

}  // namespace

Result<Reply> prog_query(Kernel&, Caller& caller, const Attr& attr) {
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
            if (is_cgroup_attach_type(attr->query.attach_type)) return fail(EBADF, "target_fd is no cgroup: graft has none");
            return fail(EINVAL, "graft has no attach point of that type");
    }
    TRY(attr.put(caller, offsetof(bpf_attr, query.attach_flags), uint32_t{0}));
    TRY(attr.put(caller, offsetof(bpf_attr, query.prog_cnt), uint32_t{0}));
    return Reply(0);
}

}  // namespace graft::command
