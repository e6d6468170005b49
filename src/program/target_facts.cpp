#include "program/target_facts.h"

namespace graft {

TargetFacts target_facts(const Program& program) {
    const ProgramFacts& facts = program.facts();
    TargetFacts target;
    target.prog_id = program.id();
    target.type = facts.type;
    target.expected_attach_type = facts.expected_attach_type;
    target.extended_type = facts.type == BPF_PROG_TYPE_EXT ? facts.target_type : 0;
    target.flags = facts.flags;
    target.attached_to_tracing = facts.traces_tracing;
    target.btf = facts.btf.get();
    for (const Subprogram& function : program.code().subprograms) {
        target.functions.push_back({.name = function.name,
                                    .btf_func_id = function.btf_func_id,
                                    .is_global = function.is_global,
                                    .unreliable = function.unreliable,
                                    .changes_packet = function.changes_packet,
                                    .might_sleep = function.might_sleep});
    }
    return target;
}

}  // namespace graft
