// The tag of a program: a number that stays the same from load to load, for people and tools to recognise it by.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/bpf.h"

namespace graft {

// The first 8 bytes of the SHA-1 of the instructions, in which the descriptors of maps (and offsets into their values) are 0.
[[nodiscard]] std::array<uint8_t, 8> program_tag(std::span<const bpf_insn> insns);

}  // namespace graft
