// func_info: which instruction begins which function of the program's BTF.
//
// Linux reads it before it looks for subprograms and compares the two afterwards; so do we, since the log lines show the order.
#include "verify/before/before.h"
#include "verify/before/debug_info.h"
#include "verify/before/records.h"

namespace graft::verify {
namespace {

// The BTF behind prog_btf_fd.
Result<void> resolve_program_btf(Env& env) {
    const DescriptorRef found = TRY(env.request.caller->descriptor(env.request.prog_btf_fd));
    if (found.object->object_kind() != ObjectKind::btf) return fail(EINVAL, "prog_btf_fd is not a BTF");
    env.request.btf = static_ref_cast<Btf>(found.object);
    if (env.request.btf->kernel_btf()) return fail(EACCES, "prog_btf_fd is the kernel's own BTF");
    return {};
}

Result<void> check_record(Env& env, uint32_t index, const bpf_func_info& record, uint32_t previous_offset) {
    if (index == 0 && record.insn_off != 0) {
        return env.reject_unterminated(EINVAL, "nonzero insn_off {} for the first func info record", record.insn_off);
    }
    if (index > 0 && record.insn_off <= previous_offset) {
        return env.reject_unterminated(EINVAL, "same or smaller insn offset ({}) than previous func info record ({})", record.insn_off,
                                       previous_offset);
    }
    const auto type = env.request.btf->find_type(record.type_id);
    if (!type || !type->is(BTF_KIND_FUNC)) return env.reject_unterminated(EINVAL, "invalid type id {} in func info", record.type_id);
    return {};
}

// Whether tail calls and LD_ABS, which may leave a function with R0 = 0, fit its return type.
bool returns_scalar(const Btf& btf, const BtfType& func) {
    const BtfType returned = btf.skip_modifiers(btf.type(func.type()).type());
    return (returned.is(BTF_KIND_INT) && returned.int_is_regular() && returned.size() <= 8) || returned.is_any_enum();
}

Result<void> match(Env& env, uint32_t index, const bpf_func_info& record) {
    const Btf& btf = *env.request.btf;
    Function& function = env.functions[index];
    if (function.start != record.insn_off) {
        return env.reject(EINVAL, "func_info BTF section doesn't match subprog layout in BPF program");
    }
    const BtfType func = btf.type(record.type_id);
    function.btf_func_id = record.type_id;
    function.has_btf = true;
    function.name = func.name();
    function.is_global = func.func_linkage() == BTF_FUNC_GLOBAL;
    if (index == 0 || returns_scalar(btf, func)) return {};
    if (function.has_ld_abs) return env.reject(EINVAL, "LD_ABS is only allowed in functions that return 'int'.");
    if (function.has_tail_call) return env.reject(EINVAL, "tail_call is only allowed in functions that return 'int'.");
    return {};
}

}  // namespace

Result<void> read_func_info(Env& env) {
    VerifyRequest& request = env.request;
    if (request.func_info.count == 0 && request.line_info.count == 0) return {};
    TRY(resolve_program_btf(env));
    if (request.func_info.count == 0) return {};
    if (!record_size_fits<bpf_func_info>(request.func_info)) {
        return env.reject(EINVAL, "invalid func info rec size {}", request.func_info.record_size);
    }
    uint32_t previous_offset = 0;
    return for_each_record<bpf_func_info>(env, request.func_info, "func info",
                                          [&](uint32_t index, const bpf_func_info& record) -> Result<void> {
                                              TRY(check_record(env, index, record, previous_offset));
                                              previous_offset = record.insn_off;
                                              // There are never more functions than that; what is beyond only counts.
                                              if (index <= abi::max_subprograms) env.func_info.push_back(record);
                                              return {};
                                          });
}

Result<void> check_functions_without_btf(Env& env) {
    for (uint32_t i = 1; i < env.function_count(); ++i) {
        if (env.functions[i].has_ld_abs) return env.reject(EINVAL, "LD_ABS is not allowed in subprogs without BTF");
        if (env.functions[i].has_tail_call) return env.reject(EINVAL, "tail_call is not allowed in subprogs without BTF");
    }
    return {};
}

Result<void> check_func_info(Env& env) {
    const uint32_t count = env.request.func_info.count;
    if (count == 0) return check_functions_without_btf(env);
    if (count != env.function_count()) return env.reject(EINVAL, "number of funcs in func_info doesn't match number of subprogs");
    for (uint32_t i = 0; i < count; ++i) TRY(match(env, i, env.func_info[i]));
    return {};
}

}  // namespace graft::verify
