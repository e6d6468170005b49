#include "prog_type/field_table.h"

#include <algorithm>

namespace graft::context {

std::optional<CtxAccess> access_by_table(std::span<const FieldRule> table, uint32_t offset, uint32_t size, bool is_write) {
    const auto rule = std::ranges::find_if(table, [&](const FieldRule& candidate) { return candidate.range.has(offset); });
    if (rule == table.end() || offset % size != 0) return std::nullopt;
    const bool whole = size == rule->unit && (offset - rule->range.offset) % rule->unit == 0;
    if (is_write) return whole && rule->write == FieldRule::Write::whole ? std::optional<CtxAccess>(CtxAccess{}) : std::nullopt;
    switch (rule->read) {
        case FieldRule::Read::none:
            return std::nullopt;
        case FieldRule::Read::whole:
            return whole ? std::optional<CtxAccess>(CtxAccess{.field = rule->field}) : std::nullopt;
        case FieldRule::Read::parts:
            return narrow_read(size, rule->unit);
    }
    return std::nullopt;
}

}  // namespace graft::context
