// Transaction: changes of extension and tracing links that are made together or not at all.
//
//     Transaction change(kernel.targets, kernel.links);
//     Ref<Link> link = TRY(change.attach({extension, target, get_x_id}, log));
//     TRY(change.replace(other_link, newer_extension, log));
//     TRY(change.commit(log));
//
// Each step is checked against its program and target when it is added, and against all that is attached when it is committed.  A packet
// sees all of the changes or, if it had entered a program before, none: across all the programs that it enters.
// Thread safety: any thread.  A transaction that goes without a commit changes nothing.
#pragma once

#include <mutex>
#include <vector>

#include "link/tracing.h"

namespace graft {

class Transaction final : public Object {
public:
    Transaction(TargetRegistry& registry, IdTable<Link>& links) : Object(ObjectKind::transaction), registry_(registry), links_(links) {}

    // A link of nothing, which the commit attaches.  errno as tracing_place().
    Result<Ref<Link>> attach(TracingRequest request, Log& log);
    // The extension behind a link makes way for another one.  EINVAL: it is no link of an extension, or the program does not fit.
    Result<void> replace(const Ref<Link>& link, Ref<Program> program, Log& log);
    // The link stays, as one of nothing.  EINVAL: it is no tracing link.
    Result<void> detach(const Ref<Link>& link);

    // Once.  EINVAL: committed already; a link is not attached any more, or changes twice; a target of the load has been used up meanwhile.
    // EBUSY, E2BIG and ENOMEM as attach_tracing().
    Result<void> commit();

private:
    struct Step {
        Ref<TracingLink> link;
        Attachment attach;    // program null: nothing
        Ref<Program> detach;  // null: nothing
        bool primed = false;  // attaches to the target of the load
    };
    // Requires lock_.
    [[nodiscard]] Result<void> add(Step step);

    TargetRegistry& registry_;
    IdTable<Link>& links_;
    std::mutex lock_;
    bool committed_ = false;
    std::vector<Step> steps_;
};

}  // namespace graft
