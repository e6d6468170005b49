// The table of link types: which Linux has, and what graft makes of them.
#pragma once

#include <cstdint>
#include <span>

namespace graft {

struct LinkType {
    uint32_t type;     // BPF_LINK_TYPE_*
    const char* name;  // without the prefix, lower case, as bpftool prints it
    bool supported;
    const char* partly;  // what is missing, for docs/support.md; null: complete
};

[[nodiscard]] std::span<const LinkType> link_types();

}  // namespace graft
