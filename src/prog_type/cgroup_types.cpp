// Programs at a cgroup's addresses, devices, sysctls and socket options.  graft has no cgroups: they are verified and never run.
#include <algorithm>
#include <array>

#include "prog_type/field_table.h"
#include "prog_type/helper_sets.h"
#include "prog_type/prog_types.h"

namespace graft {
namespace {

using context::access_by_table;
using context::Field;
using context::FieldRule;
using Read = FieldRule::Read;
using Write = FieldRule::Write;

constexpr uint32_t word = 4, wide = 8;

std::optional<ProgType::ReturnRange> zero_or_one(uint32_t) { return ProgType::ReturnRange{0, 1}; }
bool is_one_of(uint32_t attach_type, std::initializer_list<uint32_t> set) { return std::ranges::find(set, attach_type) != set.end(); }

// --- cgroup_sock_addr --------------------------------------------------------------------------------------------------------------------

constexpr auto sock_addr_fields = std::to_array<FieldRule>({
    {GRAFT_FIELD(bpf_sock_addr, user_family), word},
    {GRAFT_FIELDS(bpf_sock_addr, user_ip4, user_port), word, Read::parts, Write::whole},
    {GRAFT_FIELDS(bpf_sock_addr, family, protocol), word},
    {GRAFT_FIELDS(bpf_sock_addr, msg_src_ip4, msg_src_ip6), word, Read::parts, Write::whole},
    {Field{offsetof(bpf_sock_addr, sk), wide}, wide, Read::whole, Write::none, CtxField::sock},
});

// A program sees the addresses of its family, and a message's source only where one is sent.
bool field_is_there(uint32_t offset, uint32_t attach_type) {
    if (GRAFT_FIELD(bpf_sock_addr, user_ip4).has(offset)) {
        return is_one_of(attach_type, {BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET4_GETPEERNAME,
                                       BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP4_RECVMSG});
    }
    if (GRAFT_FIELD(bpf_sock_addr, user_ip6).has(offset)) {
        return is_one_of(attach_type, {BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET6_CONNECT, BPF_CGROUP_INET6_GETPEERNAME,
                                       BPF_CGROUP_INET6_GETSOCKNAME, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_UDP6_RECVMSG});
    }
    if (GRAFT_FIELD(bpf_sock_addr, msg_src_ip4).has(offset)) return attach_type == BPF_CGROUP_UDP4_SENDMSG;
    if (GRAFT_FIELD(bpf_sock_addr, msg_src_ip6).has(offset)) return attach_type == BPF_CGROUP_UDP6_SENDMSG;
    return true;
}

// Two words of an IPv6 address at once.
bool is_wide_address(uint32_t offset, uint32_t size) {
    if (size != wide || offset % wide != 0) return false;
    const auto inside = [&](const Field& field) { return offset >= field.offset && offset + size <= field.offset + field.size; };
    return inside(GRAFT_FIELD(bpf_sock_addr, user_ip6)) || inside(GRAFT_FIELD(bpf_sock_addr, msg_src_ip6));
}

std::optional<CtxAccess> sock_addr_access(uint32_t offset, uint32_t size, bool is_write, uint32_t attach_type) {
    if (!field_is_there(offset, attach_type)) return std::nullopt;
    if (is_wide_address(offset, size)) return CtxAccess{};
    return access_by_table(sock_addr_fields, offset, size, is_write);
}

std::optional<ProgType::ReturnRange> sock_addr_range(uint32_t attach_type) {
    if (is_one_of(attach_type, {BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND})) return ProgType::ReturnRange{0, 3};
    // What has happened already cannot be refused.
    const bool afterwards =
        is_one_of(attach_type, {BPF_CGROUP_UDP4_RECVMSG, BPF_CGROUP_UDP6_RECVMSG, BPF_CGROUP_INET4_GETPEERNAME,
                                BPF_CGROUP_INET6_GETPEERNAME, BPF_CGROUP_INET4_GETSOCKNAME, BPF_CGROUP_INET6_GETSOCKNAME,
                                abi::attach_unix_recvmsg, abi::attach_unix_getpeername, abi::attach_unix_getsockname});
    return ProgType::ReturnRange{afterwards ? 1 : 0, 1};
}

// --- cgroup_device, cgroup_sysctl, cgroup_sockopt ----------------------------------------------------------------------------------------

constexpr auto device_fields = std::to_array<FieldRule>({
    {GRAFT_FIELD(bpf_cgroup_dev_ctx, access_type), word, Read::parts},
    {GRAFT_FIELDS(bpf_cgroup_dev_ctx, major, minor), word},
});
std::optional<CtxAccess> device_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return access_by_table(device_fields, offset, size, is_write);
}

constexpr auto sysctl_fields = std::to_array<FieldRule>({
    {GRAFT_FIELD(bpf_sysctl, write), word, Read::parts},
    {GRAFT_FIELD(bpf_sysctl, file_pos), word, Read::parts, Write::whole},
});
std::optional<CtxAccess> sysctl_access(uint32_t offset, uint32_t size, bool is_write, uint32_t) {
    return access_by_table(sysctl_fields, offset, size, is_write);
}

constexpr auto sockopt_fields = std::to_array<FieldRule>({
    {Field{offsetof(bpf_sockopt, sk), wide}, wide, Read::whole, Write::none, CtxField::sock},
    {Field{offsetof(bpf_sockopt, optval), wide}, wide, Read::whole, Write::none, CtxField::packet},
    {Field{offsetof(bpf_sockopt, optval_end), wide}, wide, Read::whole, Write::none, CtxField::packet_end},
    {GRAFT_FIELDS(bpf_sockopt, level, retval), word, Read::whole, Write::whole},
});
std::optional<CtxAccess> sockopt_access(uint32_t offset, uint32_t size, bool is_write, uint32_t attach_type) {
    const bool asks = attach_type == BPF_CGROUP_GETSOCKOPT;
    if (GRAFT_FIELD(bpf_sockopt, retval).has(offset) && !asks) return std::nullopt;
    if (is_write && asks && GRAFT_FIELDS(bpf_sockopt, level, optname).has(offset)) return std::nullopt;
    return access_by_table(sockopt_fields, offset, size, is_write);
}

using AccessRule = std::optional<CtxAccess> (*)(uint32_t, uint32_t, bool, uint32_t);
constexpr ProgType cgroup_type(uint32_t type, const char* name, const char* ctx, const char* kernel_ctx, AccessRule access,
                               bool (*helper)(uint32_t, uint32_t), std::optional<ProgType::ReturnRange> (*range)(uint32_t)) {
    return {.type = type,
            .name = name,
            .ctx_struct = ctx,
            .kernel_ctx_struct = kernel_ctx,
            .ctx_access = access,
            .convert_ctx_access = nullptr,
            .allows_helper = helper,
            .packet_access = type == BPF_PROG_TYPE_CGROUP_SOCKOPT,
            .packet_write = type == BPF_PROG_TYPE_CGROUP_SOCKOPT,
            .return_range = range,
            .attachable = false,
            .partly = "it is verified and attached to cgroups, but nothing enters it: sockets and devices are the host's"};
}

}  // namespace

const ProgType cgroup_sock_addr_type = cgroup_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "cgroup_sock_addr", "bpf_sock_addr",
                                                   "bpf_sock_addr_kern", sock_addr_access, cgroup_sock_addr_has_helper, sock_addr_range);
const ProgType cgroup_device_type = cgroup_type(BPF_PROG_TYPE_CGROUP_DEVICE, "cgroup_device", "bpf_cgroup_dev_ctx", "bpf_cgroup_dev_ctx",
                                                device_access, cgroup_device_has_helper, zero_or_one);
const ProgType cgroup_sysctl_type = cgroup_type(BPF_PROG_TYPE_CGROUP_SYSCTL, "cgroup_sysctl", "bpf_sysctl", "bpf_sysctl_kern",
                                                sysctl_access, cgroup_sysctl_has_helper, zero_or_one);
const ProgType cgroup_sockopt_type = cgroup_type(BPF_PROG_TYPE_CGROUP_SOCKOPT, "cgroup_sockopt", "bpf_sockopt", "bpf_sockopt_kern",
                                                 sockopt_access, cgroup_sockopt_has_helper, zero_or_one);

}  // namespace graft
