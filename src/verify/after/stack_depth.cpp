#include "verify/after/stack_depth.h"

#include <algorithm>
#include <vector>

#include "helper/kfuncs.h"
#include "isa/insn.h"

namespace graft::verify {
namespace {

constexpr uint32_t frame_unit = 16;
constexpr uint32_t max_before_tail_call = 256;

uint32_t frame_size(const Function& function) { return (function.stack_depth + frame_unit - 1) / frame_unit * frame_unit; }

bool is_throw(const Env& env, const bpf_insn& insn) {
    if (!is_kfunc_call(insn)) return false;
    const Helper* const kfunc = kfunc_of(env, insn);
    return kfunc != nullptr && kfunc->id == throw_kfunc;
}

// What a function does that matters here: calls one, takes its address, throws.
enum class Deed : uint8_t { none, calls, takes_address, throws };
struct Call {
    Deed deed = Deed::none;
    uint32_t insn = 0;
    uint32_t callee = 0;  // throws: none
};

Call call_of(const Env& env, uint32_t index) {
    const bpf_insn& insn = env.insns[index];
    if (is_throw(env, insn)) return {Deed::throws, index, 0};
    if (!is_pseudo_call(insn) && !is_pseudo_func(insn)) return {};
    const auto callee = static_cast<uint32_t>(env.function_at(static_cast<uint32_t>(int64_t{index} + 1 + insn.imm)));
    return {is_pseudo_call(insn) ? Deed::calls : Deed::takes_address, index, callee};
}

// In the order of the instructions, each once.
std::vector<std::vector<Call>> find_calls(const Env& env) {
    std::vector<std::vector<Call>> calls(env.function_count());
    for (uint32_t number = 0; number < env.function_count(); ++number) {
        for (uint32_t i = env.functions[number].start; i < env.functions[number + 1].start; ++i) {
            const Call call = call_of(env, i);
            const auto same = [&](const Call& known) { return known.deed == call.deed && known.callee == call.callee; };
            if (call.deed != Deed::none && std::ranges::none_of(calls[number], same)) calls[number].push_back(call);
        }
    }
    return calls;
}

// Follows every chain of calls.  What the log names is the first that is too deep, so the order is that of the instructions.
class Chains {
public:
    explicit Chains(Env& env) : env_(env), calls_(find_calls(env)), safe_(env.function_count()) {}

    Result<void> follow(uint32_t number, uint32_t depth, uint32_t frames, bool in_callback) {
        const Function& function = env_.functions[number];
        in_callback = in_callback || function.is_callback;
        if (number != 0 && function.has_tail_call && depth >= max_before_tail_call) {
            return env_.reject(EACCES, "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large", depth);
        }
        depth += frame_size(function);
        if (depth > abi::max_stack) return env_.reject(EACCES, "combined stack size of {} calls is {}. Too large", frames + 1, depth);
        if (is_known_safe(number, depth, frames, in_callback)) return {};
        for (const Call& call : calls_[number]) {
            if (call.deed == Deed::throws) {
                if (!in_callback) continue;
                return env_.reject(EINVAL, "bpf_throw kfunc (insn {}) cannot be called from callback subprog {}", call.insn, number);
            }
            const Function& callee = env_.functions[call.callee];
            if (callee.is_async_callback && callee.has_tail_call) {
                return env_.reject(EFAULT, "verifier bug. subprog has tail_call and async cb");
            }
            // What runs later, on its own, does not sit on this stack.
            if (callee.is_async_callback && call.deed == Deed::takes_address) continue;
            if (callee.is_exception_callback) return env_.reject(EINVAL, "insn {} cannot call exception cb directly", call.insn);
            if (frames + 1 >= abi::max_call_frames) {
                return env_.reject(E2BIG, "the call stack of {} frames is too deep !", frames + 1);
            }
            TRY(follow(call.callee, depth, frames + 1, in_callback));
        }
        safe_[number].push_back({depth, frames, in_callback});
        return {};
    }

    // A function from which a tail call can be reached, through any calls.
    void mark_tail_calls() {
        for (bool changed = true; changed;) {
            changed = false;
            for (uint32_t number = 0; number < calls_.size(); ++number) {
                Function& caller = env_.functions[number];
                const auto reaches = [&](const Call& call) {
                    return call.deed != Deed::throws && env_.functions[call.callee].tail_call_reachable;
                };
                if (caller.tail_call_reachable || std::none_of(calls_[number].begin(), calls_[number].end(), reaches)) continue;
                caller.tail_call_reachable = changed = true;
            }
        }
    }

private:
    struct Entry {
        uint32_t depth = 0, frames = 0;
        bool in_callback = false;
    };
    // Has the function been followed from a place at least as deep?  Without this a program of a few functions has a billion chains.
    [[nodiscard]] bool is_known_safe(uint32_t number, uint32_t depth, uint32_t frames, bool in_callback) const {
        return std::ranges::any_of(safe_[number], [&](const Entry& entry) {
            return entry.depth >= depth && entry.frames >= frames && (entry.in_callback || !in_callback);
        });
    }

    Env& env_;
    std::vector<std::vector<Call>> calls_;
    std::vector<std::vector<Entry>> safe_;
};

}  // namespace

Result<void> check_stack_depth(Env& env) {
    Chains chains(env);
    for (uint32_t number = 0; number < env.function_count(); ++number) {
        if (number == 0 || env.functions[number].is_async_callback) TRY(chains.follow(number, 0, 0, false));
    }
    chains.mark_tail_calls();
    return {};
}

}  // namespace graft::verify
