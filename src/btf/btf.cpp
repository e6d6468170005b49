#include "btf/btf.h"

#include <array>
#include <utility>

namespace graft {
namespace {

constexpr btf_type void_type{};

}  // namespace

std::string_view kind_name(uint32_t kind) {
    static constexpr std::array<std::string_view, 20> names = {
        "UNKNOWN", "INT",      "PTR",  "ARRAY",      "STRUCT", "UNION",   "ENUM",  "FWD",      "TYPEDEF",  "VOLATILE",
        "CONST",   "RESTRICT", "FUNC", "FUNC_PROTO", "VAR",    "DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64"};
    static_assert(names.size() == BTF_KIND_MAX + 1);
    return kind < names.size() ? names[kind] : names[0];
}

std::string_view BtfType::name() const { return btf_->name(raw_->name_off); }

bool BtfType::int_is_regular() const {
    const uint32_t bits = int_bits();
    if (int_offset() != 0) return false;
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128;
}

BtfMember BtfType::member(uint32_t index) const {
    const btf_member& raw = members()[index];
    BtfMember member{btf_->name(raw.name_off), raw.type, raw.offset, 0};
    if (kflag()) {
        member.bit_offset = BTF_MEMBER_BIT_OFFSET(raw.offset);
        member.bitfield_size = BTF_MEMBER_BITFIELD_SIZE(raw.offset);
    }
    return member;
}

bool BtfType::is_modifier() const {
    switch (kind()) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
            return true;
        default:
            return false;
    }
}

bool BtfType::has_size() const {
    switch (kind()) {
        case BTF_KIND_INT:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_DATASEC:
        case BTF_KIND_FLOAT:
            return true;
        default:
            return false;
    }
}

Btf::~Btf() {
    if (table_ != nullptr) table_->remove(id_);
}

uint32_t Btf::register_in(IdTable<Btf>& table) {
    id_ = table.add(this);
    table_ = &table;
    return id_;
}

void Btf::mark_kernel(std::string name) {
    object_name_ = std::move(name);
    kernel_btf_ = true;
}

BtfType Btf::type(uint32_t id) const {
    const Btf* owner = this;
    while (owner->base_ && id < owner->first_id_) owner = owner->base_.get();
    if (id == 0) return {*owner, 0, &void_type};
    return {*owner, id, reinterpret_cast<const btf_type*>(owner->types_.data() + owner->offsets_[id - owner->first_id_])};
}

std::optional<BtfType> Btf::find_type(uint32_t id) const {
    if (id >= count()) return std::nullopt;
    return type(id);
}

std::optional<std::string_view> Btf::find_name(uint32_t offset) const {
    const Btf* owner = this;
    while (owner->base_ && offset < owner->first_string_) owner = owner->base_.get();
    const size_t at = offset - owner->first_string_;
    if (offset > max_name_offset || at >= owner->strings_.size()) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(owner->strings_.data() + at));  // the section ends with a NUL
}

Result<BtfType> Btf::find(std::string_view name, uint32_t kind) const {
    for (uint32_t id = 1; id < count(); ++id) {
        const BtfType candidate = type(id);
        if (candidate.is(kind) && candidate.name() == name) return candidate;
    }
    return fail(ENOENT, "the BTF has no type of that name and kind");
}

BtfType Btf::skip_modifiers(uint32_t id) const {
    BtfType found = type(id);
    while (found.is_modifier()) found = type(found.type());
    return found;
}

std::optional<SizedType> Btf::sized(uint32_t id) const {
    std::optional<BtfType> found = find_type(id);
    if (!found) return std::nullopt;
    const auto resolved = [this](uint32_t of) {
        const Btf* owner = this;
        while (owner->base_ && of < owner->first_id_) owner = owner->base_.get();
        return owner->resolved_[of - owner->first_id_];
    };
    if (found->is_modifier() || found->is(BTF_KIND_VAR)) {
        id = resolved(id).id;
        found = type(id);
    }
    if (found->has_size()) return SizedType{id, found->size()};
    if (found->is(BTF_KIND_ARRAY)) return SizedType{id, resolved(id).size};
    if (found->is(BTF_KIND_PTR)) return SizedType{id, sizeof(void*)};
    return std::nullopt;
}

Result<uint32_t> Btf::resolve_size(uint32_t id) const {
    if (const auto found = sized(id)) return found->size;
    return fail(EINVAL, "the BTF type has no size");
}

Result<BtfType> Btf::func_proto(uint32_t func_id) const {
    const auto func = find_type(func_id);
    if (!func || !func->is(BTF_KIND_FUNC)) return fail(EINVAL, "the BTF id is not that of a function");
    return type(func->type());
}

}  // namespace graft
