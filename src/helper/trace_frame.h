// TraceFrame: a call of a traced function, as fentry and fexit programs see it.
//
// Their context is `values`: the arguments, then the result.  Helpers find the rest in front of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace graft {

struct TraceFrame {
    static constexpr uint32_t max_args = 5;  // a BPF function has no more

    uint64_t cookie = 0;      // of the program that runs
    uint64_t address = 0;     // of the traced function: bpf_get_func_ip()
    bool has_result = false;  // the function has returned
    uint64_t arg_count = 0;   // at most max_args
    uint64_t values[max_args + 1] = {};

    [[nodiscard]] static TraceFrame& of(uint64_t context) { return *reinterpret_cast<TraceFrame*>(context - offsetof(TraceFrame, values)); }
    [[nodiscard]] uint64_t& result() { return values[arg_count]; }
};

}  // namespace graft
