// The stack that the deepest chain of calls takes; and which functions a tail call can be made beneath.
#include <array>

#include "verify/after/stack_depth.h"

namespace graft::verify {
namespace {

constexpr uint32_t granularity = 16;
constexpr uint32_t most_above_tail_call = 256;

class Chain {
public:
    explicit Chain(Env& env) : env_(env) {}

    Result<void> enter(uint32_t number) {
        Function& function = env_.functions[number];
        if (number != 0 && function.has_tail_call && bytes_ >= most_above_tail_call) {
            return env_.reject(EACCES, "tail_calls are not allowed when call stack of previous frames is {} bytes. Too large", bytes_);
        }
        const uint32_t size = (function.stack_depth + granularity - 1) / granularity * granularity;
        bytes_ += size;
        if (bytes_ > abi::max_stack) {
            return env_.reject(EACCES, "combined stack size of {} calls is {}. Too large", depth_ + 1, bytes_);
        }
        functions_[depth_] = number;
        TRY(calls_of(number));
        bytes_ -= size;
        return {};
    }

private:
    Result<void> calls_of(uint32_t number) {
        const uint32_t end = env_.functions[number + 1].start;
        for (uint32_t i = env_.functions[number].start; i < end; ++i) {
            const bpf_insn& insn = env_.insns[i];
            const bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
            const bool callback = insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC;
            if (!call && !callback) continue;
            const int callee = env_.function_at(i + 1 + static_cast<uint32_t>(insn.imm));
            if (callee < 0)
                return env_.reject(EFAULT, "verifier bug. No program starts at insn {}", i + 1 + static_cast<uint32_t>(insn.imm));
            if (env_.functions[static_cast<size_t>(callee)].has_tail_call) {
                for (uint32_t d = 0; d <= depth_; ++d) env_.functions[functions_[d]].tail_call_reachable = true;
            }
            if (++depth_ >= abi::max_call_frames) return env_.reject(E2BIG, "the call stack of {} frames is too deep !", depth_);
            TRY(enter(static_cast<uint32_t>(callee)));
            --depth_;
        }
        return {};
    }

    Env& env_;
    std::array<uint32_t, abi::max_call_frames> functions_{};
    uint32_t depth_ = 0;
    uint32_t bytes_ = 0;
};

}  // namespace

Result<void> check_stack_depth(Env& env) { return Chain(env).enter(0); }

}  // namespace graft::verify
