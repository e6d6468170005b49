// Where the registers of BPF live on x86-64, and who may touch the others.
//
// R0 to R5 are the result and the first five arguments of the System V calling convention, so helpers are called as they are; R6 to R9 are
// registers that a callee keeps.  r12 holds the RunContext from the entry of an image on: nothing in an image changes it, and helpers keep
// it.  r9, r10 and r11 belong to the single operation.
#pragma once

#include <asmjit/x86.h>

#include <array>
#include <cstdint>

namespace graft::x86_64 {

namespace x86 = asmjit::x86;

inline constexpr std::array bpf_registers{x86::rax, x86::rdi, x86::rsi, x86::rdx, x86::rcx, x86::r8,
                                          x86::rbx, x86::r13, x86::r14, x86::r15, x86::rbp};
inline constexpr uint8_t r0 = 0, r1 = 1, r2 = 2, r6 = 6, r9 = 9, frame_pointer = 10;
inline constexpr x86::Gp run_context = x86::r12;
inline constexpr x86::Gp scratch = x86::r11, scratch2 = x86::r10, scratch3 = x86::r9;

[[nodiscard]] inline x86::Gp host(uint8_t bpf) { return bpf_registers[bpf]; }
[[nodiscard]] inline x86::Gp sized(x86::Gp reg, bool is_32) { return is_32 ? x86::Gp(reg.r32()) : x86::Gp(reg.r64()); }

}  // namespace graft::x86_64
