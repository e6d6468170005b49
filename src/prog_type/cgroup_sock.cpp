// cgroup_sock: a socket as it is made or bound.  libbpf probes with it whether a kernel checks expected_attach_type.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"
#include "prog_type/sock_fields.h"

namespace graft {
namespace {

bool at_creation(uint32_t attach_type) { return attach_type == BPF_CGROUP_INET_SOCK_CREATE || attach_type == BPF_CGROUP_INET_SOCK_RELEASE; }
bool at_bind(uint32_t attach_type) { return attach_type == BPF_CGROUP_INET4_POST_BIND || attach_type == BPF_CGROUP_INET6_POST_BIND; }

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t attach_type) {
    const auto field = sock_fields::sock(offset, size);
    if (!field) return std::nullopt;
    switch (offset) {
        case offsetof(bpf_sock, bound_dev_if):
        case offsetof(bpf_sock, mark):
        case offsetof(bpf_sock, priority):
            return at_creation(attach_type) ? field : std::nullopt;
        default:
            break;
    }
    if (is_write) return std::nullopt;
    if (GRAFT_FIELD(bpf_sock, src_ip4).has(offset) && attach_type != BPF_CGROUP_INET4_POST_BIND) return std::nullopt;
    if (GRAFT_FIELD(bpf_sock, src_ip6).has(offset) && attach_type != BPF_CGROUP_INET6_POST_BIND) return std::nullopt;
    if (GRAFT_FIELD(bpf_sock, src_port).has(offset) && !at_bind(attach_type)) return std::nullopt;
    return field;
}

std::optional<ProgType::ReturnRange> return_range(uint32_t) { return ProgType::ReturnRange{0, 1}; }

}  // namespace

// There are no cgroups in graft: such a program never runs, so its context is left as it is.
const ProgType cgroup_sock_type = {
    .type = BPF_PROG_TYPE_CGROUP_SOCK,
    .name = "cgroup_sock",
    .ctx_struct = "bpf_sock",
    .kernel_ctx_struct = "sock",
    .ctx_access = ctx_access,
    .convert_ctx_access = nullptr,
    .allows_helper = cgroup_sock_has_helper,
    .packet_access = false,
    .packet_write = false,
    .return_range = return_range,
    .attachable = false,
    .partly = "it is verified and attached to cgroups, but nothing enters it: sockets and devices are the host's"};

}  // namespace graft
