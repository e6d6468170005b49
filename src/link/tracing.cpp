#include "link/tracing.h"

#include <utility>

#include "program/target_facts.h"

namespace graft {
namespace {

Result<TargetFunction> check_target(const Program& program, const Ref<Program>& target, uint32_t btf_id) {
    const TargetFacts facts = target_facts(*target);
    Log no_log;
    const AttachTargetInfo info = TRY(check_attach_target(attacher_facts(program), &facts, btf_id, nullptr, no_log));
    return TargetFunction{target, info.subprogram, btf_id};
}

}  // namespace

TracingLink::TracingLink(Ref<Program> program, TargetFunction target, TargetRegistry& registry)
    : Link(BPF_LINK_TYPE_TRACING, std::move(program)), target_(std::move(target)), registry_(registry) {}

TracingLink::~TracingLink() {
    if (attached_) registry_.detach_extension(*target_.program, target_.subprogram);
}

Result<void> TracingLink::attach() {
    TRY(registry_.attach_extension(*target_.program, target_.subprogram, program()));
    attached_ = true;
    return {};
}

Result<void> TracingLink::fill_info(Caller&, bpf_link_info& info) const {
    info.tracing.attach_type = program()->facts().expected_attach_type;
    info.tracing.target_obj_id = target_.program->id();
    info.tracing.target_btf_id = target_.btf_id;
    return {};
}

// The lock is held to the end: of two threads that attach the same program without a target, one gets it.
Result<Ref<Link>> attach_tracing(TracingRequest request, TargetRegistry& registry, IdTable<Link>& links) {
    Program& program = *request.program;
    if (program.facts().type != BPF_PROG_TYPE_EXT) return fail(EINVAL, "a program of this type does not attach to functions");
    TargetFunction used_up;  // dropped after the lock: it may be the last reference
    const std::lock_guard guard(program.target_lock);
    TargetFunction place = program.primed;
    const bool at_load_target =
        place.program && (!request.target || (request.target == place.program && request.target_btf_id == place.btf_id));
    if (!at_load_target) {
        if (!request.target) return fail(EINVAL, "the program's target of the load is used up: give target_fd and target_btf_id");
        place = TRY(check_target(program, request.target, request.target_btf_id));
    }
    Ref<TracingLink> link = make_ref<TracingLink>(std::move(request.program), std::move(place), registry);
    TRY(link->attach());
    link->register_in(links);
    used_up = std::exchange(program.primed, {});
    return Ref<Link>(std::move(link));
}

}  // namespace graft
