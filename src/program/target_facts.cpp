#include "program/target_facts.h"

namespace graft {

// Every program of graft counts as JITed: no rule that Linux has for the others would protect anything here.
TargetFacts target_facts(const Program& program) {
    const ProgramFacts& facts = program.facts();
    TargetFacts target;
    target.prog_id = program.id();
    target.type = facts.type;
    target.expected_attach_type = facts.expected_attach_type;
    target.extended_type = facts.type == BPF_PROG_TYPE_EXT ? facts.target_type : 0;
    target.flags = facts.flags;
    target.bound_device = facts.bound_device.get();
    target.attached_to_tracing = facts.traces_tracing;
    target.btf = facts.btf.get();
    for (const Subprogram& function : program.code().subprograms) {
        target.functions.push_back({.name = function.name,
                                    .btf_func_id = function.btf_func_id,
                                    .is_global = function.is_global,
                                    .unreliable = function.unreliable,
                                    .catches = function.catches,
                                    .changes_packet = function.changes_packet,
                                    .might_sleep = function.might_sleep});
    }
    return target;
}

AttacherFacts attacher_facts(const Program& program) {
    const ProgramFacts& facts = program.facts();
    const Subprogram& main = program.code().subprograms.front();
    AttacherFacts made;
    made.type = facts.type;
    made.expected_attach_type = facts.expected_attach_type;
    made.flags = facts.flags;
    made.name = facts.name;
    made.btf = facts.btf.get();
    made.main_btf_func_id = main.btf_func_id;
    made.changes_packet = main.changes_packet;
    made.might_sleep = main.might_sleep;
    made.bound_device = facts.bound_device.get();
    made.recorded_target_type = facts.target_type;
    made.recorded_target_expected_attach_type = facts.target_expected_attach_type;
    return made;
}

}  // namespace graft
