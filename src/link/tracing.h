// TracingLink: an extension in the place of a function of a program, or a fentry or fexit program around one (BPF_LINK_TYPE_TRACING).
//
// The link keeps target and program alive; its end gives the target its own function back.  Before the commit of the transaction that
// makes it, and after that of one that detaches it, it is a link of nothing.
// Thread safety: attaching the same program from several threads is ordered by the program's target_lock.
#pragma once

#include <atomic>

#include "base/log.h"
#include "image/target_registry.h"
#include "link/link.h"

namespace graft {

class TracingLink final : public Link {
public:
    TracingLink(Ref<Program> program, TargetFunction target, TargetRegistry& registry);
    ~TracingLink() override;

    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;

    [[nodiscard]] bool attached() const { return attached_.load(std::memory_order_acquire); }
    [[nodiscard]] const TargetFunction& target() const { return target_; }
    [[nodiscard]] Place place() const { return {target_.program.get(), target_.subprogram}; }

    // For whoever has changed the registry: `program` is attached at place() now, for the link to undo; null: nothing is.
    void note_attached(Ref<Program> program);

private:
    const TargetFunction target_;
    TargetRegistry& registry_;
    std::atomic<bool> attached_{false};
};

// Where the client wants the program to be.  No target: at the one it was loaded for, which serves once.  Only extensions have others.
struct TracingRequest {
    Ref<Program> program;
    Ref<Program> target;
    uint32_t target_btf_id = 0;
    uint64_t cookie = 0;  // bpf_get_attach_cookie() of fentry and fexit programs
};

// Where that is: checked against the program, not yet against what is attached there.
struct TracingPlace {
    TargetFunction function;
    uint32_t arg_count = 0;  // of the function, to a fentry or fexit program
    bool primed = false;     // it is the target of the load: it must still be so when the program is attached
};
// Requires request.program->target_lock.  EINVAL: the program does not attach to functions, is not made for that one, or its target of the
// load has been used up.
Result<TracingPlace> tracing_place(const TracingRequest& request, Log& log);

// EINVAL as tracing_place(); EBUSY: something is attached there, or the target is in a program array; E2BIG: no further fentry or fexit;
// ENOMEM.  A failure changes nothing; a success uses up the target of the load, whichever it went to.  The log, which Linux does not have
// here, says why not; it may be of level 0.
Result<Ref<Link>> attach_tracing(TracingRequest request, TargetRegistry& registry, IdTable<Link>& links, Log& log);

}  // namespace graft
