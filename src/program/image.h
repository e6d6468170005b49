// Image: what an engine runs for a program: the program's functions with each replaced one taken from its extension.
//
// Immutable once published; readers reach it under an rcu::ReadGuard.  Built by image/relink from the program and the links that reach it.
// An image keeps the other programs in it alive, not its owner.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/bpf.h"
#include "base/ref.h"

namespace graft {

class Program;

// One function in its place in an image.
struct LinkedFunction {
    const Program* program = nullptr;
    uint32_t subprogram = 0;  // number in `program`
    const bpf_insn* code = nullptr;
    uint32_t length = 0;       // instructions
    uint32_t stack_depth = 0;  // bytes
    // The instance of `program` this function belongs to: callees + n is where subprogram n of it stands in Image::functions.
    uint32_t callees = 0;  // index into Image::callees
};

class Image final : public RefCounted {
public:
    std::vector<LinkedFunction> functions;  // [0]: where the entry starts
    std::vector<uint32_t> callees;          // see LinkedFunction::callees
    std::vector<Ref<const Program>> members;
};

}  // namespace graft
