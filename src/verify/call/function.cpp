// Calls of the program's own functions, and returns from them.
#include "verify/call/args.h"
#include "verify/call/call.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

Result<void> enter(Walk& walk, uint32_t number) {
    Env& env = walk.env;
    if (walk.state.depth() >= abi::max_call_frames) {
        return env.reject(E2BIG, "the call stack of {} frames is too deep", walk.state.depth() + 1);
    }
    auto frame = std::make_unique<Frame>();
    Frame& caller = walk.state.frame();
    frame->call_site = walk.insn;
    frame->number = walk.state.depth();
    frame->function = number;
    frame->references = caller.references;
    for (size_t r = 1; r <= 5; ++r) frame->regs[r] = caller.regs[r];  // with their place in the liveness chain
    set_pointer(frame->regs[r_fp], Kind::stack);
    frame->regs[r_fp].frame = frame->number;
    clear_caller_saved(walk);
    walk.state.frames.push_back(std::move(frame));
    walk.insn = env.functions[number].start;
    walk.touched = UINT32_MAX;
    walk.touched_slots = UINT64_MAX;
    if (log_walk(walk)) {
        const size_t depth = walk.state.frames.size();
        env.log.print("caller:\n{}\n", describe(*walk.state.frames[depth - 2], true, 0, 0));
        env.log.print("callee:\n{}\n", describe(*walk.state.frames[depth - 1], true, 0, 0));
    }
    // Everything is new to the log: its next line shows the whole frame once more.
    walk.touched = UINT32_MAX;
    walk.touched_slots = UINT64_MAX;
    return {};
}

Result<void> pass_over_global(Walk& walk, uint32_t number, const Result<void>& arguments) {
    Env& env = walk.env;
    Function& function = env.functions[number];
    if (walk.state.lock.map != nullptr) {
        return env.reject(EINVAL, "global function calls are not allowed while holding a lock,\nuse static function instead");
    }
    if (!arguments.ok()) return env.reject(arguments.code(), "Caller passes invalid args into func#{} ('{}')", number, function.name);
    env.log.print("Func#{} ('{}') is global and assumed valid.\n", number, function.name);
    if (function.changes_packet) forget_packet_pointers(walk);
    function.called = true;
    clear_caller_saved(walk);
    mark_unknown(walk, 0);
    ++walk.insn;
    return {};
}

}  // namespace

Result<void> call_function(Walk& walk, const bpf_insn& insn) {
    Env& env = walk.env;
    const uint32_t start = walk.insn + 1U + static_cast<uint32_t>(insn.imm);
    const int number = env.function_at(start);
    if (number < 0) return env.reject(EFAULT, "verifier bug. No program starts at insn {}", start);
    Function& function = env.functions[static_cast<size_t>(number)];
    const Result<void> arguments = check_call_arguments(walk, static_cast<uint32_t>(number));
    if (arguments.code() == EFAULT) return arguments;
    if (function.is_global) return pass_over_global(walk, static_cast<uint32_t>(number), arguments);
    return enter(walk, static_cast<uint32_t>(number));
}

Result<void> return_to_caller(Walk& walk) {
    Env& env = walk.env;
    const Frame& callee = walk.state.frame();
    Frame& caller = *walk.state.frames[walk.state.frames.size() - 2];
    if (callee.regs[0].is(Kind::stack)) return env.reject(EINVAL, "cannot return stack pointer to the caller");
    if (callee.in_callback) return return_from_callback(walk);
    caller.regs[0] = callee.regs[0];
    caller.references = callee.references;
    const uint32_t next = callee.call_site + 1;
    if (log_walk(walk)) {
        env.log.print("returning from callee:\n{}\n", describe(callee, true, 0, 0));
        env.log.print("to caller at {}:\n{}\n", next, describe(caller, true, 0, 0));
    }
    walk.state.frames.pop_back();
    walk.insn = next;
    walk.print_all = true;
    return {};
}

namespace {

Result<void> require_program_result(Walk& walk, uint32_t number, const char* where, Range<int64_t> range) {
    const Reg& result = walk.reg(number);
    if (!result.is(Kind::scalar)) {
        return walk.env.reject(EINVAL, "At {} the register R{} is not a known value ({})", where, number, kind_text(result));
    }
    TRY(mark_precise(walk, number));
    return require_result_in(walk, number, where, range);
}

}  // namespace

Result<void> check_return_value(Walk& walk, uint32_t number) {
    Env& env = walk.env;
    const Function& function = env.functions[walk.state.frame().function];
    TRY(use_reg(walk, number, Use::read));
    const Reg& result = walk.reg(number);
    if (leaks_pointer(walk, result)) return env.reject(EACCES, "R{} leaks addr as return value", number);
    if (walk.state.frame().in_async_callback) return require_program_result(walk, number, "async callback return", {0, 0});
    if (&function != env.functions.data() && !function.is_exception_callback) {
        if (!result.is(Kind::scalar)) {
            return env.reject(EINVAL, "At subprogram exit the register R{} is not a scalar value ({})", number, kind_text(result));
        }
        return {};
    }
    // Of an extension, too: whichever function it replaces, its result counts as the target program's.
    if (env.type->return_range == nullptr) return {};
    const auto range = env.type->return_range(env.expected_attach_type());
    if (!range) return {};
    return require_program_result(walk, number, "program exit", {range->min, range->max});
}

Result<void> require_result_in(Walk& walk, uint32_t number, const char* where, Range<int64_t> range) {
    const Range<int64_t>& value = walk.reg(number).value.s64;
    if (value.min >= range.min && value.max <= range.max) return {};
    std::string seen;
    if (value.min > INT64_MIN) seen += fmt::format(" smin={}", value.min);
    if (value.max < INT64_MAX) seen += fmt::format(" smax={}", value.max);
    if (seen.empty()) seen = " unknown scalar value";
    return walk.env.reject(EINVAL, "At {} the register R{} has{} should have been in [{}, {}]", where, number, seen, range.min, range.max);
}

}  // namespace graft::verify
