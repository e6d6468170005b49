// JitCode: a program's functions as machine code that may stand anywhere, and where it calls.
//
// Helpers, maps and values are named by their addresses; only the calls from function to function are left to the link.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "program/image.h"
#include "verify/verified.h"

namespace graft::x86_64 {

// Four bytes of a call instruction that take the distance from behind them to the callee; or eight that take the address of its
// LinkedFunction, for a helper that calls it.
struct CallSite {
    uint32_t at = 0;          // from the function's start
    uint32_t subprogram = 0;  // of the same program
    bool is_address = false;
};

struct FunctionCode {
    uint32_t start = 0;  // Subprogram::start
    std::span<const uint8_t> bytes;
    std::span<const CallSite> calls;
    bool uses_run = false;  // its register must hold the RunContext
};

class JitCode final : public EngineCode {
public:
    std::vector<uint8_t> bytes;
    std::vector<CallSite> calls;
    std::vector<FunctionCode> functions;  // into `bytes` and `calls`

    [[nodiscard]] uint32_t size_of(const Subprogram& function) const override;
};

// ENOTSUPP as decode(); ENOMEM.
[[nodiscard]] Result<std::unique_ptr<EngineCode>> compile_program(const VerifiedProgram& program);
[[nodiscard]] Result<void> link_image(Image& image);
// Whether there is memory that may be executed.
[[nodiscard]] bool may_execute();
// Bytes of pages that hold code of images.
[[nodiscard]] size_t executable_memory_in_use();

}  // namespace graft::x86_64
