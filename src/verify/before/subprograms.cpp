// The functions of a program are where calls and callback addresses lead to.
#include <algorithm>

#include "helper/kfuncs.h"
#include "isa/insn.h"
#include "verify/before/before.h"

namespace graft::verify {
namespace {

Result<void> add_function(Env& env, std::vector<uint32_t>& starts, int64_t start) {
    if (start < 0 || start >= static_cast<int64_t>(env.insns.size())) return env.reject(EINVAL, "call to invalid destination");
    const auto insn = static_cast<uint32_t>(start);
    const auto place = std::lower_bound(starts.begin(), starts.end(), insn);
    if (place != starts.end() && *place == insn) return {};
    if (starts.size() >= abi::max_subprograms) return env.reject(E2BIG, "too many subprograms");
    starts.insert(place, insn);
    return {};
}

// Is it one of the kernel functions that graft offers to programs?  What Linux says of a BTF id that leads nowhere.
Result<void> require_kfunc(Env& env, const bpf_insn& insn) {
    if (env.request.vmlinux == nullptr) {
        return env.reject(abi::enotsupp, "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF");
    }
    if (!env.request.gpl_compatible) {
        return env.reject(EINVAL, "cannot call kernel function from non-GPL compatible program");
    }
    // A loader's mark for a function that this kernel lacks: it may stand in code that nobody reaches.
    if (insn.imm == 0 && insn.off == 0) return {};
    const auto id = static_cast<uint32_t>(insn.imm);
    const auto func = insn.off == 0 ? env.request.vmlinux->find_type(id) : std::nullopt;
    if (!func || !func->is(BTF_KIND_FUNC)) return env.reject(EINVAL, "kernel btf_id {} is not a function", id);
    const Helper* const kfunc = find_kfunc(func->name());
    if (kfunc == nullptr) return env.reject(EINVAL, "cannot find address for kernel function {}", func->name());
    if (wants_bound_device(*kfunc) && !env.request.bound_device) {
        return env.reject(EINVAL, "metadata kfuncs require device-bound program");
    }
    return {};
}

// Where a jump inside a function leads; nothing for what is no jump.
std::optional<int64_t> jump_target(const bpf_insn& insn, uint32_t index) {
    const uint8_t kind = BPF_CLASS(insn.code);
    if (kind != BPF_JMP && kind != BPF_JMP32) return std::nullopt;
    if (BPF_OP(insn.code) == BPF_EXIT || BPF_OP(insn.code) == BPF_CALL) return std::nullopt;
    const bool is_long = insn.code == (BPF_JMP32 | BPF_JA);
    return int64_t{index} + 1 + (is_long ? insn.imm : insn.off);
}

bool ends_function(const bpf_insn& insn) {
    return insn.code == (BPF_JMP | BPF_EXIT) || insn.code == (BPF_JMP | BPF_JA) || insn.code == (BPF_JMP32 | BPF_JA);
}

void note_contents(Function& function, const bpf_insn& insn) {
    if (is_helper_call(insn) && insn.imm == BPF_FUNC_tail_call) {
        function.has_tail_call = true;
        function.tail_call_reachable = true;
    }
    if (BPF_CLASS(insn.code) == BPF_LD && (BPF_MODE(insn.code) == BPF_ABS || BPF_MODE(insn.code) == BPF_IND)) function.has_ld_abs = true;
}

}  // namespace

Result<void> find_subprograms(Env& env) {
    std::vector<uint32_t> starts;
    TRY(add_function(env, starts, 0));
    for (uint32_t i = 0; i < env.insns.size(); ++i) {
        const bpf_insn& insn = env.insns[i];
        if (is_kfunc_call(insn)) TRY(require_kfunc(env, insn));
        if (!is_pseudo_call(insn) && !is_pseudo_func(insn)) continue;
        TRY(add_function(env, starts, int64_t{i} + 1 + insn.imm));
    }
    const std::optional<uint32_t> catches = TRY(find_exception_callback(env));
    if (catches) TRY(add_function(env, starts, *catches));
    env.functions.clear();
    for (const uint32_t start : starts) {
        Function& function = env.functions.emplace_back();
        function.start = start;
        function.is_callback = function.is_async_callback = function.is_exception_callback = catches == start;
        if (catches == start) env.exception_callback = static_cast<uint32_t>(env.functions.size()) - 1;
    }
    env.functions.emplace_back().start = static_cast<uint32_t>(env.insns.size());
    if (env.log.verbose()) {
        for (uint32_t i = 0; i < env.function_count(); ++i) env.log.print("func#{} @{}\n", i, env.functions[i].start);
    }
    return {};
}

Result<void> check_subprograms(Env& env) {
    for (uint32_t number = 0; number < env.function_count(); ++number) {
        Function& function = env.functions[number];
        const uint32_t end = env.functions[number + 1].start;
        for (uint32_t i = function.start; i < end; ++i) {
            const bpf_insn& insn = env.insns[i];
            note_contents(function, insn);
            const auto target = jump_target(insn, i);
            if (target && (*target < function.start || *target >= end)) {
                return env.reject(EINVAL, "jump out of range from insn {} to {}", i, *target);
            }
        }
        // Else control would fall from one function into the next.
        if (!ends_function(env.insns[end - 1])) return env.reject(EINVAL, "last insn is not an exit or jmp");
    }
    return {};
}

}  // namespace graft::verify
