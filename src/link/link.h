// Link: an attachment that is owned by descriptors and pins.  When the last goes, the destructor detaches.
#pragma once

#include <cstdint>

#include "abi/bpf.h"
#include "object/caller.h"
#include "object/id_table.h"
#include "object/object.h"
#include "program/program.h"

namespace graft {

class Link : public Object {
public:
    ~Link() override;

    // Gives it an id, by which others find it: once, when it is attached.
    void register_in(IdTable<Link>& ids);

    [[nodiscard]] uint32_t id() const { return id_; }
    [[nodiscard]] uint32_t type() const { return type_; }  // BPF_LINK_TYPE_*
    // Attached program; changes by BPF_LINK_UPDATE.
    [[nodiscard]] Ref<Program> program() const;

    // The part of bpf_link_info that depends on the type.  user_length: of caller's buffers, see Linux's rules per type.
    virtual Result<void> fill_info(Caller& caller, bpf_link_info& info) const = 0;
    // BPF_LINK_UPDATE; default EINVAL.  `expected` (BPF_F_REPLACE) may be null: not given; EPERM when it is not the attached one.
    virtual Result<void> update(Ref<Program> program, Ref<Program> expected, uint32_t flags);
    // BPF_LINK_DETACH; default EOPNOTSUPP.
    virtual Result<void> detach();

protected:
    Link(uint32_t type, Ref<Program> program);
    void set_program(Ref<Program> program);

private:
    uint32_t type_;
    mutable std::mutex program_lock_;
    Ref<Program> program_;
    IdTable<Link>* ids_ = nullptr;
    uint32_t id_ = 0;
};

}  // namespace graft
