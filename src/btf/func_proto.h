// Function prototypes as BTF has them: may one function stand in for another, and how is a function called.
//
// Pure functions; the log is optional (level 0).  Ids are of FUNC or FUNC_PROTO types, as each says.
// Source: what Linux 6.12 answers to BPF_PROG_LOAD of freplace, fentry and fexit programs.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "btf/btf.h"

namespace graft {

// May the extension's FUNC replace the target's FUNC?  Both must be global.  Arguments agree in kind and size, the result in kind only;
// a pointer argument is to the context, and agrees in the name of the struct (that it is the context of the program's type is the
// verifier's matter, when it verifies the functions).  EINVAL; EFAULT: an id is no FUNC.
Result<void> compare_prototypes(const Btf& extension, uint32_t extension_func, const Btf& target, uint32_t target_func, Log& log);

// How a function is called: what fentry and fexit programs on it are given.
struct FunctionModel {
    enum class Kind : uint8_t { none, scalar, pointer, structure };
    struct Value {
        Kind kind = Kind::none;
        bool is_signed = false;  // scalar
        uint32_t size = 0;       // bytes; 0: no result
        uint32_t type = 0;       // id, behind its modifiers
    };
    Value result;
    std::vector<Value> args;  // at most abi::max_func_args
    bool raw = false;         // nothing is known: these are registers
};

// EINVAL: too many arguments, "...", or a value that is not passed in registers.  `name`: the function's, for the log.
Result<FunctionModel> model_function(const Btf& btf, uint32_t func_proto, std::string_view name, Log& log);

// The model of a function whose BTF says nothing reliable: five 64-bit arguments and a 64-bit result.
[[nodiscard]] FunctionModel unknown_function_model();

}  // namespace graft
