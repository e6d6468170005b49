#include "link/cgroup.h"

#include <algorithm>

namespace graft {
namespace {

constexpr size_t most_programs = 64;  // at one place

// The type of programs that go to a place of cgroups; BPF_PROG_TYPE_UNSPEC: it is none.
uint32_t program_type_at(uint32_t attach_type) {
    switch (attach_type) {
        case BPF_CGROUP_INET_INGRESS:
        case BPF_CGROUP_INET_EGRESS:
            return BPF_PROG_TYPE_CGROUP_SKB;
        case BPF_CGROUP_INET_SOCK_CREATE:
        case BPF_CGROUP_INET_SOCK_RELEASE:
        case BPF_CGROUP_INET4_POST_BIND:
        case BPF_CGROUP_INET6_POST_BIND:
            return BPF_PROG_TYPE_CGROUP_SOCK;
        case BPF_CGROUP_INET4_BIND:
        case BPF_CGROUP_INET6_BIND:
        case BPF_CGROUP_INET4_CONNECT:
        case BPF_CGROUP_INET6_CONNECT:
        case BPF_CGROUP_INET4_GETPEERNAME:
        case BPF_CGROUP_INET6_GETPEERNAME:
        case BPF_CGROUP_INET4_GETSOCKNAME:
        case BPF_CGROUP_INET6_GETSOCKNAME:
        case BPF_CGROUP_UDP4_SENDMSG:
        case BPF_CGROUP_UDP6_SENDMSG:
        case BPF_CGROUP_UDP4_RECVMSG:
        case BPF_CGROUP_UDP6_RECVMSG:
        case abi::attach_unix_connect:
        case abi::attach_unix_sendmsg:
        case abi::attach_unix_recvmsg:
        case abi::attach_unix_getpeername:
        case abi::attach_unix_getsockname:
            return BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
        case BPF_CGROUP_SOCK_OPS:
            return BPF_PROG_TYPE_SOCK_OPS;
        case BPF_CGROUP_DEVICE:
            return BPF_PROG_TYPE_CGROUP_DEVICE;
        case BPF_CGROUP_SYSCTL:
            return BPF_PROG_TYPE_CGROUP_SYSCTL;
        case BPF_CGROUP_GETSOCKOPT:
        case BPF_CGROUP_SETSOCKOPT:
            return BPF_PROG_TYPE_CGROUP_SOCKOPT;
        default:
            return BPF_PROG_TYPE_UNSPEC;
    }
}

// Programs of these types were verified for one place.
bool is_made_for_one_place(uint32_t program_type) {
    return program_type == BPF_PROG_TYPE_CGROUP_SOCK || program_type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR ||
           program_type == BPF_PROG_TYPE_CGROUP_SOCKOPT;
}

}  // namespace

bool goes_to_cgroup(const ProgramFacts& program, uint32_t attach_type) {
    if (program.type == BPF_PROG_TYPE_UNSPEC || program.type != program_type_at(attach_type)) return false;
    return !is_made_for_one_place(program.type) || program.expected_attach_type == attach_type;
}

bool is_cgroup_attach_type(uint32_t attach_type) {
    return attach_type == BPF_LSM_CGROUP || program_type_at(attach_type) != BPF_PROG_TYPE_UNSPEC;
}

Result<void> CgroupAttachments::add(const Place& place, const CgroupLink* link) {
    const std::lock_guard guard(lock_);
    auto& links = links_[place];
    if (links.size() >= most_programs) return fail(E2BIG, "64 programs are at this place of the cgroup");
    links.push_back(link);
    return {};
}

void CgroupAttachments::remove(const CgroupLink* link) {
    const std::lock_guard guard(lock_);
    for (auto at = links_.begin(); at != links_.end(); ++at) {
        if (std::erase(at->second, link) == 0) continue;
        if (at->second.empty()) links_.erase(at);
        return;
    }
}

std::vector<uint32_t> CgroupAttachments::program_ids(const Place& place) const {
    const std::lock_guard guard(lock_);
    std::vector<uint32_t> ids;
    const auto found = links_.find(place);
    if (found == links_.end()) return ids;
    for (const CgroupLink* link : found->second) ids.push_back(link->program()->id());
    return ids;
}

CgroupLink::CgroupLink(Ref<Program> program, const CgroupAttachments::Place& place, CgroupAttachments& attachments)
    : Link(BPF_LINK_TYPE_CGROUP, std::move(program)), place_(place), attachments_(attachments) {}

CgroupLink::~CgroupLink() { attachments_.remove(this); }

Result<void> CgroupLink::fill_info(Caller&, bpf_link_info& info) const {
    const std::lock_guard guard(update_lock_);
    info.cgroup.cgroup_id = attached_ ? place_.cgroup : 0;
    info.cgroup.attach_type = place_.attach_type;
    return {};
}

Result<void> CgroupLink::update(Ref<Program> next, Ref<Program> expected, uint32_t) {
    const std::lock_guard guard(update_lock_);
    if (!attached_) return fail(ENOLINK, "the link is detached");
    if (expected && expected != program()) return fail(EPERM, "another program than the expected one is attached");
    // As on Linux, its expected_attach_type does not count here.
    if (next->facts().type != program()->facts().type) return fail(EINVAL, "the program is of another type");
    set_program(std::move(next));
    return {};
}

Result<void> CgroupLink::detach() {
    const std::lock_guard guard(update_lock_);
    attachments_.remove(this);
    attached_ = false;
    return {};
}

Result<Ref<Link>> attach_cgroup(Ref<Program> program, const CgroupAttachments::Place& place, CgroupAttachments& attachments,
                                IdTable<Link>& ids) {
    if (!goes_to_cgroup(program->facts(), place.attach_type)) return fail(EINVAL, "the program does not go to this place of a cgroup");
    auto link = make_ref<CgroupLink>(std::move(program), place, attachments);
    TRY(attachments.add(place, link.get()));
    link->register_in(ids);
    return Ref<Link>(std::move(link));
}

}  // namespace graft
