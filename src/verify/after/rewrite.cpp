#include <algorithm>

#include "verify/after/rewrite.h"

#include "isa/insn.h"
#include "verify/after/editor.h"

namespace graft::verify {
namespace {

void set_wide(bpf_insn* insn, uint64_t value) {
    insn[0].imm = static_cast<int32_t>(value);
    insn[1].imm = static_cast<int32_t>(value >> 32);
}

// ld_imm64 of a map or of one of its values: host addresses.
Result<void> resolve_map_pointer(Env& env, uint32_t index) {
    const InsnFacts& facts = env.facts[index];
    Map& map = *env.maps[static_cast<size_t>(facts.map)];
    bpf_insn* insn = &env.insns[index];
    const bool of_value = insn->src_reg == BPF_PSEUDO_MAP_VALUE || insn->src_reg == BPF_PSEUDO_MAP_IDX_VALUE;
    const void* address = of_value ? TRY(map.direct_value(facts.map_value_offset)) : &map;
    set_wide(insn, reinterpret_cast<uintptr_t>(address));
    return {};
}

Result<void> resolve_addresses(Env& env) {
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        bpf_insn& insn = env.insns[i];
        const auto callee = [&] { return env.function_at(static_cast<uint32_t>(int64_t{i} + 1 + insn.imm)); };
        if (is_ld_imm64(insn)) {
            if (insn.src_reg == BPF_PSEUDO_FUNC) {
                insn.imm =
                    std::max(callee(), 0);  // a callback that no round runs has gone with the dead code: nobody calls what stands there
            } else if (env.facts[i].map >= 0) {
                TRY(resolve_map_pointer(env, i));
            }
            ++i;
        } else if (is_kfunc_call(insn)) {
            const Helper* const kfunc = kfunc_of(env, insn);
            if (kfunc == nullptr) return env.reject(EINVAL, "invalid kernel function call not eliminated in verifier pass");
            insn.src_reg = 0;
            insn.imm = static_cast<int32_t>(kfunc->id);
        } else if (is_pseudo_call(insn)) {
            insn.off = static_cast<int16_t>(callee());
        }
    }
    return {};
}

Subprogram describe(const Env& env, uint32_t number) {
    const Function& function = env.functions[number];
    return {.start = function.start,
            .length = env.functions[number + 1].start - function.start,
            .stack_depth = function.stack_depth,
            .btf_func_id = function.btf_func_id,
            .name = function.name,
            .is_global = number == 0 || function.is_global,
            .unreliable = function.unreliable,
            .changes_packet = function.changes_packet,
            .might_sleep = function.might_sleep,
            .has_tail_call = function.has_tail_call,
            .tail_call_reachable = function.tail_call_reachable,
            .may_throw = function.may_throw,
            .catches = function.is_exception_callback,
            .is_hidden = function.is_hidden};
}

}  // namespace

Result<VerifiedProgram> rewrite(Env& env) {
    TRY(remove_dead_code(env));
    TRY(add_default_exception_callback(env));
    rewrite_object_loads(env);
    rewrite_packet_output(env);
    TRY(rewrite_timer_calls(env));
    TRY(rewrite_context_accesses(env));
    TRY(rewrite_frame_loads(env));
    TRY(resolve_addresses(env));
    find_what_throws(env);
    VerifiedProgram program;
    for (uint32_t i = 0; i < env.function_count(); ++i) program.subprograms.push_back(describe(env, i));
    if (env.throws) program.exception_callback = env.exception_callback;
    program.insns = std::move(env.insns);
    program.maps = std::move(env.maps);
    program.func_info = std::move(env.func_info);
    program.line_info = std::move(env.line_info);
    program.attach = std::move(env.attach);
    return program;
}

}  // namespace graft::verify
