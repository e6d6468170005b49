// The passes of the verifier, in order.
#include "verify/verify.h"

#include <chrono>
#include <string>

#include "verify/after/rewrite.h"
#include "verify/after/stack_depth.h"
#include "verify/before/before.h"
#include "verify/env.h"
#include "verify/walk/walk.h"

namespace graft {
namespace verify {
namespace {

Result<void> before(Env& env) {
    TRY(read_func_info(env));
    TRY(find_subprograms(env));
    TRY(check_subprograms(env));
    TRY(check_debug_info(env));
    TRY(resolve_references(env));
    TRY(check_control_flow(env));
    return check_attachment(env);
}

// The main function first; then each global function that something called, for any arguments that its prototype admits.
Result<void> walk(Env& env, WalkCounts& counts) {
    TRY(explore(env, counts, 0));
    if (env.func_info.empty()) return {};
    if (env.exception_callback != 0) env.functions[env.exception_callback].called = true;
    for (bool again = true; again;) {
        again = false;
        for (uint32_t number = 1; number < env.function_count(); ++number) {
            Function& function = env.functions[number];
            if (!function.is_global || !function.called || function.verified) continue;
            TRY(explore(env, counts, number));
            env.log.print("Func#{} ('{}') is safe for any args that match its prototype\n", number, function.name);
            function.verified = again = true;
        }
    }
    return {};
}

void print_summary(Env& env, const WalkCounts& counts, std::chrono::steady_clock::time_point start) {
    if ((env.log.level() & Log::stats) != 0) {
        const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
        std::string depths;
        for (uint32_t i = 0; i < env.function_count(); ++i) depths += fmt::format("{}{}", i == 0 ? "" : "+", env.functions[i].stack_depth);
        env.log.print("verification time {} usec\nstack depth {}\n", spent.count(), depths);
    }
    env.log.print("processed {} insns (limit {}) max_states_per_insn {} total_states {} peak_states {} mark_read {}\n", counts.insns,
                  abi::max_insns_privileged, counts.max_states_per_insn, counts.total_states, counts.peak_states, counts.longest_mark_read);
}

}  // namespace
}  // namespace verify

Result<VerifiedProgram> verify_program(VerifyRequest& request, Log& log) {
    const auto start = std::chrono::steady_clock::now();
    verify::Env env(request, log);
    verify::WalkCounts counts;
    Result<void> outcome = verify::before(env);
    if (outcome.ok()) outcome = verify::walk(env, counts);
    if (outcome.ok()) outcome = verify::check_stack_depth(env);
    verify::print_summary(env, counts, start);
    if (!outcome.ok()) return outcome.error();
    VerifiedProgram program = TRY(verify::rewrite(env));
    program.verified_insns = counts.insns;
    program.max_ctx_offset = env.max_ctx_offset;
    return program;
}

}  // namespace graft
