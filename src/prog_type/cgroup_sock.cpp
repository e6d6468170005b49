// cgroup_sock: a socket as it is made or bound.  libbpf probes with it whether a kernel checks expected_attach_type.
#include "prog_type/context.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

constexpr uint32_t word = sizeof(uint32_t);

bool at_creation(uint32_t attach_type) { return attach_type == BPF_CGROUP_INET_SOCK_CREATE || attach_type == BPF_CGROUP_INET_SOCK_RELEASE; }
bool at_bind(uint32_t attach_type) { return attach_type == BPF_CGROUP_INET4_POST_BIND || attach_type == BPF_CGROUP_INET6_POST_BIND; }

bool begins_number(uint32_t offset) {
    switch (offset) {
        case offsetof(bpf_sock, family):
        case offsetof(bpf_sock, type):
        case offsetof(bpf_sock, protocol):
        case offsetof(bpf_sock, src_port):
        case offsetof(bpf_sock, state):
        case offsetof(bpf_sock, rx_queue_mapping):
            return true;
        default:
            return false;
    }
}

// Is there such a field, and may it be accessed with this size?
std::optional<CtxAccess> field_of(uint32_t offset, uint32_t size) {
    if (offset >= sizeof(bpf_sock) || offset % size != 0) return std::nullopt;
    const auto port = GRAFT_FIELD(bpf_sock, dst_port);
    if (port.has(offset)) return context::narrow_read(size, size == word ? word : uint32_t{sizeof(bpf_sock::dst_port)});
    if (offset >= port.offset && offset < offsetof(bpf_sock, dst_ip4)) return std::nullopt;  // padding behind the port
    // Addresses may be read in any parts, numbers only from their first byte on.
    const bool in_parts = GRAFT_FIELDS(bpf_sock, src_ip4, src_ip6).has(offset) || GRAFT_FIELDS(bpf_sock, dst_ip4, dst_ip6).has(offset);
    if (in_parts || begins_number(offset)) return context::narrow_read(size, word);
    if (size != word) return std::nullopt;
    return CtxAccess{};
}

std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write, uint32_t attach_type) {
    const auto field = field_of(offset, size);
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
const ProgType cgroup_sock_type = {.type = BPF_PROG_TYPE_CGROUP_SOCK,
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
                                   .partly = "for probes only: it is verified, but there are no cgroups to attach it to"};

}  // namespace graft
