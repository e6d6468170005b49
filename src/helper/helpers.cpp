// The helpers that graft has, by number: the families' rows joined.

#include <array>

#include "abi/bpf.h"
#include "helper/helper.h"

namespace graft {
namespace {

// No family has landed a row yet.
constexpr std::span<const Helper* const> table;

#define GRAFT_NAME(name) "bpf_" #name
constexpr std::array names = {__BPF_FUNC_MAPPER(GRAFT_NAME)};
#undef GRAFT_NAME

}  // namespace

std::span<const Helper* const> helpers() { return table; }

const Helper* find_helper(uint32_t id) {
    for (const Helper* helper : table) {
        if (helper->id == id) return helper;
    }
    return nullptr;
}

const char* helper_name(uint32_t id) { return id < names.size() ? names[id] : nullptr; }

}  // namespace graft
