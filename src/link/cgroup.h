// CgroupLink: a program at a cgroup, held by a link (BPF_LINK_TYPE_CGROUP).
//
// unlike Linux: the sockets of a cgroup are the host's, so nothing enters these programs; and a removed cgroup keeps its links.  What can
// be attached, replaced, detached and asked for is as on Linux, so that loaders work and other programs can trace or replace functions
// here. Thread safety: any thread; one lock for all cgroups.
#pragma once

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "link/link.h"

namespace graft {

class CgroupLink;

// Which links are at which cgroups, in the order in which they came.
class CgroupAttachments {
public:
    struct Place {
        uint64_t cgroup = 0;  // id: the inode of its directory
        uint32_t attach_type = 0;
        auto operator<=>(const Place&) const = default;
    };

    // E2BIG: 64 programs are there.
    Result<void> add(const Place& place, const CgroupLink* link);
    void remove(const CgroupLink* link);
    [[nodiscard]] std::vector<uint32_t> program_ids(const Place& place) const;

private:
    mutable std::mutex lock_;
    std::map<Place, std::vector<const CgroupLink*>> links_;
};

class CgroupLink final : public Link {
public:
    CgroupLink(Ref<Program> program, const CgroupAttachments::Place& place, CgroupAttachments& attachments);
    ~CgroupLink() override;

    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;
    // ENOLINK: it is detached; EINVAL: a program of another type; EPERM: another program than `expected` is attached.
    Result<void> update(Ref<Program> program, Ref<Program> expected, uint32_t flags) override;
    Result<void> detach() override;

private:
    const CgroupAttachments::Place place_;
    CgroupAttachments& attachments_;
    mutable std::mutex update_lock_;
    bool attached_ = true;
};

// Does a program of this type and expected_attach_type go where attach_type says?
[[nodiscard]] bool goes_to_cgroup(const ProgramFacts& program, uint32_t attach_type);
// Whether BPF_PROG_QUERY knows it as a place of cgroups.
[[nodiscard]] bool is_cgroup_attach_type(uint32_t attach_type);

// EINVAL: the program does not go there; E2BIG.
Result<Ref<Link>> attach_cgroup(Ref<Program> program, const CgroupAttachments::Place& place, CgroupAttachments& attachments,
                                IdTable<Link>& ids);

}  // namespace graft
