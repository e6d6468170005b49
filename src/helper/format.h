// The format strings of bpf_snprintf and bpf_trace_printk.
//
// Known: %% %c %s %pks, d i u x X with l and ll, %p %px %pK %pS %ps %pB, %pI4 %pi4 %pI6 %pi6; the flags - + space 0 and a width.  Text is
// printable ASCII or bytes above it.  Pointers are printed as they are ("unlike Linux": %p is not hashed, %ps knows no symbols). What
// Linux's Documentation/core-api/printk-formats.rst allows to BPF, asked of 6.12.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace graft {

// Whether the string is well formed and needs no more than `arguments`; the verifier asks it of constant formats.
[[nodiscard]] bool is_valid_format(std::string_view format, size_t arguments);

// Writes as much as fits, ended with NUL.  Returns the length without NUL that the whole text has; -EINVAL.
[[nodiscard]] int64_t format_text(MutableBytes to, std::string_view format, std::span<const uint64_t> arguments);

}  // namespace graft
