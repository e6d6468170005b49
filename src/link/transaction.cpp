#include "link/transaction.h"

#include <algorithm>
#include <utility>

namespace graft {
namespace {

Result<Ref<TracingLink>> tracing_link(const Ref<Link>& link) {
    if (link->type() != BPF_LINK_TYPE_TRACING) return fail(EINVAL, "only links of extensions and tracing programs change in a transaction");
    return static_ref_cast<TracingLink>(link);
}

// The locks of all programs' targets, always taken in the same order.
class TargetLocks {
public:
    explicit TargetLocks(std::vector<Program*> programs) : programs_(std::move(programs)) {
        std::sort(programs_.begin(), programs_.end());
        programs_.erase(std::unique(programs_.begin(), programs_.end()), programs_.end());
        for (Program* program : programs_) program->target_lock.lock();
    }
    ~TargetLocks() {
        for (Program* program : programs_) program->target_lock.unlock();
    }
    TargetLocks(const TargetLocks&) = delete;
    TargetLocks& operator=(const TargetLocks&) = delete;

private:
    std::vector<Program*> programs_;
};

}  // namespace

Result<void> Transaction::add(Step step) {
    if (committed_) return fail(EINVAL, "the transaction has been committed");
    steps_.push_back(std::move(step));
    return {};
}

Result<Ref<Link>> Transaction::attach(TracingRequest request, Log& log) {
    const std::lock_guard guard(lock_);
    const std::lock_guard target(request.program->target_lock);
    TracingPlace place = TRY(tracing_place(request, log));
    Ref<TracingLink> link = make_ref<TracingLink>(request.program, std::move(place.function), registry_);
    TRY(add({.link = link,
             .attach = {.program = std::move(request.program), .cookie = request.cookie, .arg_count = place.arg_count},
             .detach = nullptr,
             .primed = place.primed}));
    link->register_in(links_);
    return Ref<Link>(std::move(link));
}

Result<void> Transaction::replace(const Ref<Link>& link, Ref<Program> program, Log& log) {
    const std::lock_guard guard(lock_);
    Ref<TracingLink> tracing = TRY(tracing_link(link));
    Ref<Program> old = tracing->program();
    if (old->facts().type != BPF_PROG_TYPE_EXT || program->facts().type != BPF_PROG_TYPE_EXT) {
        return fail(EINVAL, "only an extension is replaced, by an extension");
    }
    const std::lock_guard target(program->target_lock);
    const TracingPlace place = TRY(tracing_place({program, tracing->target().program, tracing->target().btf_id}, log));
    return add({.link = std::move(tracing), .attach = {.program = program}, .detach = std::move(old), .primed = place.primed});
}

Result<void> Transaction::detach(const Ref<Link>& link) {
    const std::lock_guard guard(lock_);
    Ref<TracingLink> tracing = TRY(tracing_link(link));
    Ref<Program> old = tracing->program();
    return add({.link = std::move(tracing), .attach = {}, .detach = std::move(old)});
}

Result<void> Transaction::commit() {
    // Dropped after the locks: they may hold the last references.
    std::vector<TargetFunction> used_up;
    std::vector<Step> done;
    const std::lock_guard guard(lock_);
    if (committed_) return fail(EINVAL, "the transaction has been committed");
    std::vector<Program*> programs;
    for (const Step& step : steps_) {
        if (step.attach.program) programs.push_back(step.attach.program.get());
    }
    const TargetLocks locks(programs);
    std::vector<PlaceChange> changes;
    for (const Step& step : steps_) {
        if (step.primed && !step.attach.program->primed.program) return fail(EINVAL, "the program's target of the load has been used up");
        if (step.detach && !step.link->attached()) return fail(EINVAL, "a link of the transaction is not attached");
        changes.push_back({step.link->place(), step.attach, step.detach.get()});
    }
    used_up.reserve(steps_.size());
    TRY(registry_.change(changes));
    committed_ = true;
    for (Step& step : steps_) {
        step.link->note_attached(step.attach.program);
        if (step.attach.program) used_up.push_back(std::exchange(step.attach.program->primed, {}));
    }
    done.swap(steps_);
    return {};
}

}  // namespace graft
