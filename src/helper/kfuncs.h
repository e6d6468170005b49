// Functions of the kernel that programs call by their BTF (kfuncs): vmlinux BTF describes them, verify/after makes calls of operations of
// them.  To add one: a row in a family, and its prototype in btf/vmlinux_types.bpf.cc.
#pragma once

#include <span>
#include <string_view>

#include "helper/helper.h"

namespace graft {

// Ids of the rows, which no program can name: of the first, and of the first of each family.
inline constexpr uint32_t first_kfunc = 0x20000, dynptr_kfunc = first_kfunc, user_kfunc = first_kfunc + 0x100,
                          throw_kfunc = first_kfunc + 0x200, metadata_kfunc = first_kfunc + 0x300;

[[nodiscard]] std::span<const Helper> dynptr_kfuncs();
[[nodiscard]] std::span<const Helper> user_kfuncs();
[[nodiscard]] std::span<const Helper> exception_kfuncs();
[[nodiscard]] std::span<const Helper> metadata_kfuncs();

// Null: graft has none of that name, or id.
[[nodiscard]] const Helper* find_kfunc(std::string_view name);
[[nodiscard]] const Helper* find_kfunc(uint32_t id);
// May programs of this type call it?
[[nodiscard]] bool allows_kfunc(uint32_t prog_type, const Helper& kfunc);
// Is it for programs alone that are bound to an interface?
[[nodiscard]] bool wants_bound_device(const Helper& kfunc);

}  // namespace graft
