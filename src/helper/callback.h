// Callback: a function of a program, as a helper gets it (BPF_PSEUDO_FUNC): its identity in the image that runs, which knows how to call
// it.
#pragma once

#include <cstdint>

namespace graft {

struct RunContext;

struct Callback {
    // `arguments`: R1 to R5.  Returns R0.
    uint64_t (*call)(const Callback& callback, const uint64_t* arguments, RunContext& run) = nullptr;
};

}  // namespace graft
