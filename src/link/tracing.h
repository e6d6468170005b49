// TracingLink: an extension in the place of a function of a program, or a fentry or fexit program around one (BPF_LINK_TYPE_TRACING).
//
// The link keeps target and program alive; its end gives the target its own function back.
// Thread safety: attaching the same program from several threads is ordered by the program's target_lock.
#pragma once

#include "image/target_registry.h"
#include "link/link.h"

namespace graft {

class TracingLink final : public Link {
public:
    TracingLink(Ref<Program> program, TargetFunction target, TargetRegistry& registry);
    ~TracingLink() override;

    // Once; the destructor undoes it.
    Result<void> attach(uint64_t cookie, uint32_t arg_count);

    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;

private:
    [[nodiscard]] Place place() const { return {target_.program.get(), target_.subprogram}; }

    const TargetFunction target_;
    TargetRegistry& registry_;
    bool attached_ = false;
};

// Where the client wants the program to be.  No target: at the one it was loaded for, which serves once.  Only extensions have others.
struct TracingRequest {
    Ref<Program> program;
    Ref<Program> target;
    uint32_t target_btf_id = 0;
    uint64_t cookie = 0;  // bpf_get_attach_cookie() of fentry and fexit programs
};

// EINVAL: the program does not attach to functions, is not made for that one, or its target of the load has been used up; EBUSY: something
// is attached there, or the target is in a program array; E2BIG: no further fentry or fexit; ENOMEM.  A failure changes nothing; a success
// uses up the target of the load, whichever it went to.
Result<Ref<Link>> attach_tracing(TracingRequest request, TargetRegistry& registry, IdTable<Link>& links);

}  // namespace graft
