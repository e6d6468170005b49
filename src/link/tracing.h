// TracingLink: an extension in the place of a function of a program (BPF_LINK_TYPE_TRACING).  fentry and fexit are to come here.
//
// The link keeps target and extension alive; its end gives the target its own function back.
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
    Result<void> attach();

    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;

private:
    const TargetFunction target_;
    TargetRegistry& registry_;
    bool attached_ = false;
};

// Where the client wants the program to be.  Both unset: at the target it was loaded for, which serves once.
struct TracingRequest {
    Ref<Program> program;
    Ref<Program> target;
    uint32_t target_btf_id = 0;
};

// EINVAL: the program does not attach to functions, is not made for that one, or its target of the load has been used up; EBUSY: something
// is attached there, or the target is in a program array; ENOMEM.  A failure changes nothing; a success uses up the target of the load,
// whichever it went to.
Result<Ref<Link>> attach_tracing(TracingRequest request, TargetRegistry& registry, IdTable<Link>& links);

}  // namespace graft
