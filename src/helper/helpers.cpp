// The helpers that graft has, by number: the families' rows joined.
#include <algorithm>
#include <array>
#include <vector>

#include "abi/bpf.h"
#include "helper/families.h"

namespace graft {
namespace {

#define GRAFT_NAME(name) "bpf_" #name
constexpr std::array names = {__BPF_FUNC_MAPPER(GRAFT_NAME)};
#undef GRAFT_NAME

std::vector<const Helper*> joined() {
    std::vector<const Helper*> all;
    for (const auto& family : {map_helpers(), generic_helpers(), xdp_helpers()}) {
        for (const Helper& helper : family) all.push_back(&helper);
    }
    std::ranges::sort(all, {}, &Helper::id);
    return all;
}

}  // namespace

std::span<const Helper* const> helpers() {
    static const std::vector<const Helper*> all = joined();
    return all;
}

const Helper* find_helper(uint32_t id) {
    const auto all = helpers();
    const auto found = std::ranges::lower_bound(all, id, {}, &Helper::id);
    return found != all.end() && (*found)->id == id ? *found : nullptr;
}

const char* helper_name(uint32_t id) { return id < names.size() ? names[id] : nullptr; }

}  // namespace graft
