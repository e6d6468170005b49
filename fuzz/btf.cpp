// Any bytes as BTF.  Oracle: nothing crashes; the verdict does not depend on the log; and what is accepted can be walked wholly: every name
// is a string, every id a type, sizes are what a walk of one's own finds, functions can be modelled and compared, special fields found.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>

#include "btf/btf.h"
#include "btf/check_log.h"
#include "btf/func_proto.h"
#include "btf/special_fields.h"

namespace {

using namespace graft;

void require(bool condition) {
    if (!condition) std::abort();
}

// Bytes of a type found without what the parser recorded; nothing: it has none.
std::optional<uint64_t> measure(const Btf& btf, uint32_t id) {
    BtfType type = btf.type(id);
    while (type.is_modifier() || type.is(BTF_KIND_VAR)) type = btf.type(type.type());
    if (type.has_size()) return type.size();
    if (type.is(BTF_KIND_PTR)) return sizeof(void*);
    if (!type.is(BTF_KIND_ARRAY)) return std::nullopt;
    uint64_t count = 1;
    for (; type.is(BTF_KIND_ARRAY); type = btf.skip_modifiers(type.array().type)) {
        count *= type.array().nelems;
        if (count == 0) return 0;  // whatever its elements are
    }
    return count * measure(btf, type.id()).value();
}

void walk_references(const Btf& btf, const BtfType& type) {
    const auto check = [&](uint32_t id) { require(id < btf.count()); };
    switch (type.kind()) {
        case BTF_KIND_PTR:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
        case BTF_KIND_FUNC:
        case BTF_KIND_VAR:
        case BTF_KIND_DECL_TAG:
            return check(type.type());
        case BTF_KIND_ARRAY:
            check(type.array().type);
            return check(type.array().index_type);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            for (uint32_t i = 0; i < type.vlen(); ++i) {
                const BtfMember member = type.member(i);
                check(member.type);
                require(member.bit_offset / 8 <= type.size());
                require(btf.resolve_size(member.type).ok());
            }
            return;
        case BTF_KIND_FUNC_PROTO:
            check(type.type());
            for (const btf_param& param : type.params()) check(param.type);
            return;
        case BTF_KIND_DATASEC:
            for (const btf_var_secinfo& variable : type.variables()) require(btf.type(variable.type).is(BTF_KIND_VAR));
            return;
        default:
            return;
    }
}

void walk(const Btf& btf) {
    Log log(Log::level1, 1 << 16);
    CheckLog lines(log);
    constexpr uint32_t compared = 50;  // pairs are many
    uint32_t previous = 0;
    for (uint32_t id = 1; id < btf.count(); ++id) {
        const BtfType type = btf.type(id);
        require(btf.find_name(type.name_off()).has_value());
        lines.type(type);
        walk_references(btf, type);
        require(!btf.skip_modifiers(id).is_modifier());
        const auto sized = btf.sized(id);
        if (!type.is(BTF_KIND_FUNC) && !type.is(BTF_KIND_DECL_TAG)) {
            const auto measured = measure(btf, id);
            require(sized.has_value() == measured.has_value() && (!sized || sized->size == *measured));
        }
        if (type.is(BTF_KIND_FUNC)) {
            (void)model_function(btf, btf.func_proto(id).value().id(), type.name(), log);
            if (previous != 0 && id < compared) (void)compare_prototypes(btf, id, btf, previous, log);
            previous = id;
        }
        if ((type.is(BTF_KIND_STRUCT) || type.is(BTF_KIND_DATASEC)) && id < compared) {
            (void)find_special_fields(btf, id, object_kinds | FieldKind::timer | FieldKind::workqueue, type.size());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    Log none;
    Log log(Log::level1, 1 << 16);
    const Result<Ref<Btf>> silent = Btf::parse(bytes, none);
    const Result<Ref<Btf>> logged = Btf::parse(bytes, log);
    require(silent.code() == logged.code());
    if (!logged.ok()) return 0;
    walk(*logged.value());
    // On itself: every id and string moves.
    const Result<Ref<Btf>> split = Btf::parse(bytes, none, logged.value());
    if (split.ok()) walk(*split.value());
    return 0;
}
