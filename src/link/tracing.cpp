#include "link/tracing.h"

#include <utility>

#include "program/target_facts.h"

namespace graft {
namespace {

struct CheckedPlace {
    TargetFunction function;
    uint32_t arg_count = 0;
};

uint32_t arg_count(const AttachTargetInfo& info) { return static_cast<uint32_t>(info.model.args.size()); }

Result<CheckedPlace> check_target(const Program& program, const Ref<Program>& target, uint32_t btf_id) {
    const TargetFacts facts = target_facts(*target);
    Log no_log;
    const AttachTargetInfo info = TRY(check_attach_target(attacher_facts(program), &facts, btf_id, nullptr, no_log));
    return CheckedPlace{{target, info.subprogram, btf_id}, arg_count(info)};
}

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
    if (attached_) registry_.detach(place(), *program());
}

Result<void> TracingLink::attach(uint64_t cookie, uint32_t arg_count) {
    TRY(registry_.attach(place(), {.program = program(), .cookie = cookie, .arg_count = arg_count}));
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
    TRY(attaches_to_functions(program));
    if (request.target && program.facts().type != BPF_PROG_TYPE_EXT) {
        return fail(EINVAL, "fentry and fexit programs attach to the function that they were loaded for: give no target");
    }
    TargetFunction used_up;  // dropped after the lock: it may be the last reference
    const std::lock_guard guard(program.target_lock);
    CheckedPlace place{program.primed, arg_count(program.code().attach)};
    const bool at_load_target =
        place.function.program &&
        (!request.target || (request.target == place.function.program && request.target_btf_id == place.function.btf_id));
    if (!at_load_target) {
        if (!request.target) return fail(EINVAL, "the program's target of the load is used up: give target_fd and target_btf_id");
        place = TRY(check_target(program, request.target, request.target_btf_id));
    }
    Ref<TracingLink> link = make_ref<TracingLink>(std::move(request.program), std::move(place.function), registry);
    TRY(link->attach(request.cookie, place.arg_count));
    link->register_in(links);
    used_up = std::exchange(program.primed, {});
    return Ref<Link>(std::move(link));
}

}  // namespace graft
