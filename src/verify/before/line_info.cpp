// line_info and core_relos.
#include "verify/before/before.h"
#include "verify/before/debug_info.h"
#include "verify/before/records.h"

namespace graft::verify {
namespace {

// The functions whose first line has been seen: each must have one, at its first instruction.
struct FunctionLines {
    uint32_t next = 0;

    Result<void> see(Env& env, uint32_t index, uint32_t insn) {
        if (next == env.function_count()) return {};
        if (env.functions[next].start == insn) {
            env.functions[next++].line_info = index;
        } else if (env.functions[next].start < insn) {
            return env.reject(EINVAL, "missing bpf_line_info for func#{}", next);
        }
        return {};
    }
};

Result<void> check_line(Env& env, uint32_t index, const bpf_line_info& line, uint32_t previous) {
    const auto length = static_cast<uint32_t>(env.insns.size());
    if ((index > 0 && line.insn_off <= previous) || line.insn_off >= length) {
        return env.reject(EINVAL, "Invalid line_info[{}].insn_off:{} (prev_offset:{} prog->len:{})", index, line.insn_off, previous,
                          length);
    }
    if (env.insns[line.insn_off].code == 0) return env.reject(EINVAL, "Invalid insn code at line_info[{}].insn_off", index);
    const Btf& btf = *env.request.btf;
    if (!btf.find_name(line.line_off) || !btf.find_name(line.file_name_off)) {
        return env.reject(EINVAL, "Invalid line_info[{}].line_off or .file_name_off", index);
    }
    return {};
}

}  // namespace

Result<void> check_line_info(Env& env) {
    const UserRecords& records = env.request.line_info;
    if (records.count == 0) return {};
    if (records.count > INT32_MAX / sizeof(bpf_line_info)) return fail(EINVAL, "line_info_cnt is too large");
    if (!record_size_fits<bpf_line_info>(records)) return fail(EINVAL, "line_info_rec_size is out of range");

    FunctionLines functions;
    uint32_t previous = 0;
    TRY(for_each_record<bpf_line_info>(env, records, "line_info", [&](uint32_t index, const bpf_line_info& line) -> Result<void> {
        TRY(check_line(env, index, line, previous));
        TRY(functions.see(env, index, line.insn_off));
        previous = line.insn_off;
        env.line_info.push_back(line);
        return {};
    }));
    if (functions.next != env.function_count()) {
        return env.reject(EINVAL, "missing bpf_line_info for {} funcs starting from func#{}", env.function_count() - functions.next,
                          functions.next);
    }
    return {};
}

// Only a loader program inside the kernel asks for it: libbpf relocates on its own.
Result<void> check_core_relos(Env& env) {
    const UserRecords& records = env.request.core_relos;
    if (records.count == 0) return {};
    if (records.count > INT32_MAX / sizeof(bpf_core_relo)) return fail(EINVAL, "core_relo_cnt is too large");
    if (!record_size_fits<bpf_core_relo>(records)) return fail(EINVAL, "core_relo_rec_size is out of range");
    const auto length = static_cast<uint32_t>(env.insns.size());
    TRY(for_each_record<bpf_core_relo>(env, records, "core_relo", [&](uint32_t index, const bpf_core_relo& relo) -> Result<void> {
        if (relo.insn_off % sizeof(bpf_insn) != 0 || relo.insn_off / sizeof(bpf_insn) >= length) {
            return env.reject(EINVAL, "Invalid core_relo[{}].insn_off:{} prog->len:{}", index, relo.insn_off, length);
        }
        return {};
    }));
    return env.reject(EOPNOTSUPP, "graft does not relocate programs in PROG_LOAD (core_relos): let the loader do it");
}

Result<void> check_debug_info(Env& env) {
    if (env.request.func_info.count == 0 && env.request.line_info.count == 0) return check_functions_without_btf(env);
    TRY(check_func_info(env));
    TRY(check_line_info(env));
    return check_core_relos(env);
}

}  // namespace graft::verify
