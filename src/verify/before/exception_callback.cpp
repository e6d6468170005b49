// The function that a program names to catch its exceptions, by a declaration tag "exception_callback:NAME" of its main function.
#include <string_view>

#include "verify/before/before.h"

namespace graft::verify {
namespace {

// The name in the tag; empty: there is no such tag.
Result<std::string_view> tagged_name(Env& env, const Btf& btf) {
    constexpr std::string_view prefix = "exception_callback:";
    std::string_view name;
    for (uint32_t id = btf.first_id(); id < btf.count(); ++id) {
        const BtfType tag = btf.type(id);
        if (!tag.is(BTF_KIND_DECL_TAG) || tag.type() != env.func_info[0].type_id || tag.component_idx() != -1) continue;
        if (!tag.name().starts_with(prefix)) continue;
        if (!name.empty()) return env.reject(EEXIST, "multiple exception callback tags for main subprog");
        name = tag.name().substr(prefix.size());
    }
    return name;
}

}  // namespace

Result<std::optional<uint32_t>> find_exception_callback(Env& env) {
    if (env.func_info.empty()) return std::optional<uint32_t>();
    const Btf& btf = *env.request.btf;
    const std::string_view name = TRY(tagged_name(env, btf));
    if (name.empty()) return std::optional<uint32_t>();
    const auto function = btf.find(name, BTF_KIND_FUNC);
    if (!function.ok()) return env.reject(ENOENT, "exception callback '{}' could not be found in BTF", name);
    if (function->func_linkage() != BTF_FUNC_GLOBAL) return env.reject(EINVAL, "exception callback '{}' must have global linkage", name);
    for (const bpf_func_info& record : env.func_info) {
        if (record.type_id == function->id() && record.insn_off != 0) return std::optional(record.insn_off);
    }
    return env.reject(EINVAL, "exception callback type id not found in func_info");
}

}  // namespace graft::verify
