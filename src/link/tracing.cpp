#include "link/tracing.h"

#include <utility>

#include "program/target_facts.h"

namespace graft {
namespace {

uint32_t arg_count(const AttachTargetInfo& info) { return static_cast<uint32_t>(info.model.args.size()); }

Result<void> attaches_to_functions(const Program& program) {
    switch (program.facts().type) {
        case BPF_PROG_TYPE_EXT:
            return {};
        case BPF_PROG_TYPE_TRACING:
            switch (program.facts().expected_attach_type) {
                case BPF_TRACE_FENTRY:
                case BPF_TRACE_FEXIT:
                case BPF_MODIFY_RETURN:
                    return {};
                default:
                    return fail(EINVAL, "a tracing program with this expected_attach_type does not attach to a function");
            }
        default:
            return fail(EINVAL, "a program of this type does not attach to functions");
    }
}

}  // namespace

TracingLink::TracingLink(Ref<Program> program, TargetFunction target, TargetRegistry& registry)
    : Link(BPF_LINK_TYPE_TRACING, std::move(program)), target_(std::move(target)), registry_(registry) {}

TracingLink::~TracingLink() {
    if (attached()) registry_.detach(place(), *program());
}

void TracingLink::note_attached(Ref<Program> program) {
    attached_.store(static_cast<bool>(program), std::memory_order_release);
    if (program) set_program(std::move(program));
}

Result<void> TracingLink::fill_info(Caller&, bpf_link_info& info) const {
    info.tracing.attach_type = program()->facts().expected_attach_type;
    if (!attached()) return {};
    info.tracing.target_obj_id = target_.program->id();
    info.tracing.target_btf_id = target_.btf_id;
    return {};
}

Result<TracingPlace> tracing_place(const TracingRequest& request, Log& log) {
    const Program& program = *request.program;
    TRY(attaches_to_functions(program));
    if (request.target && program.facts().type != BPF_PROG_TYPE_EXT) {
        return fail(EINVAL, "fentry and fexit programs attach to the function that they were loaded for: give no target");
    }
    const TargetFunction& primed = program.primed;
    const bool is_primed = request.target == primed.program && request.target_btf_id == primed.btf_id;
    if (primed.program && (!request.target || is_primed)) return TracingPlace{primed, arg_count(program.code().attach), true};
    if (!request.target) return fail(EINVAL, "the program's target of the load is used up: give target_fd and target_btf_id");
    const TargetFacts facts = target_facts(*request.target);
    const AttachTargetInfo info = TRY(check_attach_target(attacher_facts(program), &facts, request.target_btf_id, nullptr, log));
    return TracingPlace{{request.target, info.subprogram, request.target_btf_id}, arg_count(info)};
}

// The lock is held to the end: of two threads that attach the same program without a target, one gets it.
Result<Ref<Link>> attach_tracing(TracingRequest request, TargetRegistry& registry, IdTable<Link>& links, Log& log) {
    Program& program = *request.program;
    TargetFunction used_up;  // dropped after the lock: it may be the last reference
    const std::lock_guard guard(program.target_lock);
    TracingPlace place = TRY(tracing_place(request, log));
    Ref<TracingLink> link = make_ref<TracingLink>(request.program, std::move(place.function), registry);
    TRY(registry.attach(link->place(), {.program = request.program, .cookie = request.cookie, .arg_count = place.arg_count}));
    link->note_attached(std::move(request.program));
    link->register_in(links);
    used_up = std::exchange(program.primed, {});
    return Ref<Link>(std::move(link));
}

}  // namespace graft
