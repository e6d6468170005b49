// Env: the one mutable context of a verification.  Every pass takes it; nothing else is shared between passes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "prog_type/prog_type.h"
#include "verify/verified.h"
#include "verify/verify.h"

namespace graft::verify {

// What is known of one instruction, beside its eight bytes.
struct InsnFacts {
    // --- by before/ -------------------------------------------------------------------------------------------------------------------
    int32_t map = -1;  // ld_imm64 of a map or of a map value: index in Env::maps
    uint32_t map_value_offset = 0;
    bool prune_point = false;  // states are compared here (branch targets, instructions after calls ...)
    bool jump_point = false;   // an entry of the jump history is made here
    bool force_checkpoint = false;
    bool calls_callback = false;  // a helper or kfunc call that calls back
    // --- by walk/ ---------------------------------------------------------------------------------------------------------------------
    bool seen = false;
    PointerUse pointer = PointerUse::none;  // what a load or store went through: after/ rewrites context accesses
    int32_t helper_map = -1;                // the one map every path gives to this helper call; -2: several
};

// One function while it is being verified.
struct Function {
    uint32_t start = 0;      // first instruction; Env::functions is sorted by it and closed by a sentinel with start = insns.size()
    uint32_t line_info = 0;  // index of its first line_info
    uint32_t stack_depth = 0;
    uint32_t btf_func_id = 0;
    std::string name;
    bool has_btf = false;  // func_info gave it a FUNC
    bool is_global = false;
    bool is_static() const { return !is_global; }
    bool unreliable = false;
    bool has_tail_call = false;
    bool tail_call_reachable = false;
    bool has_ld_abs = false;
    bool is_callback = false;        // a helper calls it, now or later, or it catches exceptions
    bool is_async_callback = false;  // later: on a stack of its own
    bool is_exception_callback = false;
    bool is_hidden = false;  // not the program's: the default one
    bool may_throw = false;  // an exception may come out of it
    bool changes_packet = false;
    bool might_sleep = false;
    bool args_cached = false;  // global functions: arguments classified (btf_func)
    bool called = false;       // global functions: reached, to be verified
    bool verified = false;
};

struct Env {
    Env(VerifyRequest& verify_request, Log& verify_log)
        : request(verify_request), log(verify_log), insns(verify_request.insns), facts(insns.size()) {}

    VerifyRequest& request;
    Log& log;

    std::vector<bpf_insn>& insns;
    std::vector<InsnFacts> facts;     // one an instruction
    std::vector<Function> functions;  // + sentinel
    std::vector<Ref<Map>> maps;       // in order of first use
    std::vector<Ref<Btf>> btfs;       // used beside the program's own
    std::vector<bpf_func_info> func_info;
    std::vector<bpf_line_info> line_info;

    // The rules of the program type; of the target's for EXT, once attach_target has been checked.
    const ProgType* type = nullptr;
    AttachTargetInfo attach;  // EXT and tracing: what it attaches to

    uint32_t exception_callback = 0;  // the function that catches what the program throws; 0: none yet, or it is returned
    bool throws = false;              // the walk came to a bpf_throw

    uint32_t nullable_args = 0;                    // struct_ops: the arguments that may be null, a bit each
    std::optional<std::vector<BtfType>> arg_tags;  // of the program's BTF, once they have been looked for

    uint32_t max_ctx_offset = 0;  // behind the last byte of the context that the program touches

    [[nodiscard]] uint32_t function_count() const { return functions.empty() ? 0 : static_cast<uint32_t>(functions.size()) - 1; }
    // The function that instruction `index` belongs to.
    [[nodiscard]] uint32_t function_of(uint32_t index) const;
    // The function that starts at `index`; -1: none.
    [[nodiscard]] int function_at(uint32_t index) const;
    // Whose rules for the context it follows: the target's for EXT.
    [[nodiscard]] uint32_t expected_attach_type() const {
        return request.type == BPF_PROG_TYPE_EXT ? attach.target_expected_attach_type : request.expected_attach_type;
    }
    [[nodiscard]] uint32_t effective_type() const { return type != nullptr ? type->type : request.type; }

    // `return env.reject(EACCES, "R{} ...", n);` prints the line (a newline is added) and makes the Error.
    template <class... Args>
    [[nodiscard]] Error reject(int code, fmt::format_string<Args...> format, Args&&... args) {
        const Error refusal = reject_unterminated(code, format, std::forward<Args>(args)...);
        log.append("\n");
        return refusal;
    }
    // The few lines that Linux leaves without a newline, so that the next one hangs on to them.
    template <class... Args>
    [[nodiscard]] Error reject_unterminated(int code, fmt::format_string<Args...> format, Args&&... args) {
        if (log.enabled()) log.append(fmt::vformat(format, fmt::make_format_args(args...)));
        return fail(code, "refused by the verifier; its log says why");
    }
};

// The kernel function that a BPF_PSEUDO_KFUNC_CALL names; null: graft has none of that name, or it is function 0, a loader's mark.
[[nodiscard]] const Helper* kfunc_of(const Env& env, const bpf_insn& insn);

}  // namespace graft::verify
