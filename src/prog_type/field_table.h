// A context as a table of its fields, for the types whose context is handed over as the program sees it.
#pragma once

#include <span>

#include "prog_type/context.h"

namespace graft::context {

struct FieldRule {
    Field range;
    uint32_t unit;  // bytes: of the number, or of each of several that lie in the range
    enum class Read : uint8_t { none, whole, parts } read = Read::whole;
    enum class Write : uint8_t { none, whole } write = Write::none;
    CtxField field = CtxField::scalar;
};

// What the table says of an access; bytes in no field, and fields of which only a part is asked without Read::parts, are refused.
[[nodiscard]] std::optional<CtxAccess> access_by_table(std::span<const FieldRule> table, uint32_t offset, uint32_t size, bool is_write);

}  // namespace graft::context
