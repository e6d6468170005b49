#include "verify/after/stack_depth.h"

#include <algorithm>
#include <vector>

namespace graft::verify {
namespace {

constexpr uint32_t frame_unit = 16;
constexpr uint32_t max_before_tail_call = 256;

uint32_t frame_size(const Function& function) { return (function.stack_depth + frame_unit - 1) / frame_unit * frame_unit; }

bool is_call(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL; }
bool is_address(const bpf_insn& insn) { return insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC; }

// Who calls, or takes the address of, whom: in the order of the instructions, each once.
struct Call {
    uint32_t callee = 0;
    bool by_address = false;
    friend bool operator==(const Call&, const Call&) = default;
};

std::vector<std::vector<Call>> find_calls(const Env& env) {
    std::vector<std::vector<Call>> calls(env.function_count());
    for (uint32_t number = 0; number < env.function_count(); ++number) {
        for (uint32_t i = env.functions[number].start; i < env.functions[number + 1].start; ++i) {
            const bpf_insn& insn = env.insns[i];
            if (!is_call(insn) && !is_address(insn)) continue;
            const auto callee = static_cast<uint32_t>(env.function_at(static_cast<uint32_t>(int64_t{i} + 1 + insn.imm)));
            const Call call{callee, is_address(insn)};
            std::vector<Call>& known = calls[number];
            if (std::find(known.begin(), known.end(), call) == known.end()) known.push_back(call);
        }
    }
    return calls;
}

// Follows every chain of calls.  What the log names is the first that is too deep, so the order is that of the instructions.
class Chains {
public:
    explicit Chains(Env& env) : env_(env), calls_(find_calls(env)), safe_(env.function_count()) {}

    Result<void> follow(uint32_t number, uint32_t depth, uint32_t frames) {
        const Function& function = env_.functions[number];
        if (number != 0 && function.has_tail_call && depth >= max_before_tail_call) {
            return env_.reject(EACCES, "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large", depth);
        }
        depth += frame_size(function);
        if (depth > abi::max_stack) return env_.reject(EACCES, "combined stack size of {} calls is {}. Too large", frames + 1, depth);
        if (is_known_safe(number, depth, frames)) return {};
        for (const Call& call : calls_[number]) {
            // What runs later, on its own, does not sit on this stack.
            if (env_.functions[call.callee].is_async_callback && call.by_address) {
                if (env_.functions[call.callee].has_tail_call) return env_.reject(EFAULT, "verifier bug. subprog has tail_call and async cb");
                continue;
            }
            if (frames + 1 >= abi::max_call_frames) {
                return env_.reject(E2BIG, "the call stack of {} frames is too deep !", frames + 1);
            }
            TRY(follow(call.callee, depth, frames + 1));
        }
        safe_[number].push_back({depth, frames});
        return {};
    }

    // A function from which a tail call can be reached, through any calls.
    void mark_tail_calls() {
        for (bool changed = true; changed;) {
            changed = false;
            for (uint32_t number = 0; number < calls_.size(); ++number) {
                Function& caller = env_.functions[number];
                const auto reaches = [&](const Call& call) { return env_.functions[call.callee].tail_call_reachable; };
                if (caller.tail_call_reachable || std::none_of(calls_[number].begin(), calls_[number].end(), reaches)) continue;
                caller.tail_call_reachable = changed = true;
            }
        }
    }

private:
    struct Entry {
        uint32_t depth = 0, frames = 0;
    };
    // Has the function been followed from a place at least as deep?  Without this a program of a few functions has a billion chains.
    [[nodiscard]] bool is_known_safe(uint32_t number, uint32_t depth, uint32_t frames) const {
        return std::any_of(safe_[number].begin(), safe_[number].end(),
                           [&](const Entry& entry) { return entry.depth >= depth && entry.frames >= frames; });
    }

    Env& env_;
    std::vector<std::vector<Call>> calls_;
    std::vector<std::vector<Entry>> safe_;
};

}  // namespace

Result<void> check_stack_depth(Env& env) {
    Chains chains(env);
    for (uint32_t number = 0; number < env.function_count(); ++number) {
        if (number == 0 || env.functions[number].is_async_callback) TRY(chains.follow(number, 0, 0));
    }
    chains.mark_tail_calls();
    return {};
}

}  // namespace graft::verify
