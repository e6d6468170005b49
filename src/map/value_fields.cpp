#include "map/value_fields.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "btf/btf.h"

namespace graft {
namespace {

struct NamedKind {
    std::string_view name;
    ValueFieldKind kind;
    uint32_t size;
    uint32_t alignment;
    bool only_one;
};
constexpr auto named_kinds = std::to_array<NamedKind>({
    {"bpf_spin_lock", ValueFieldKind::spin_lock, 4, 4, true},
    {"bpf_timer", ValueFieldKind::timer, 16, 8, true},
    {"bpf_wq", ValueFieldKind::workqueue, 16, 8, true},
    {"bpf_refcount", ValueFieldKind::refcount, 4, 4, true},
    {"bpf_list_head", ValueFieldKind::list_head, 16, 8, false},
    {"bpf_rb_root", ValueFieldKind::rb_root, 16, 8, false},
});
constexpr size_t most_fields = 11;
constexpr int deepest = 4;  // structs inside structs that are looked into

class Finder {
public:
    explicit Finder(const Btf& btf) : btf_(btf) {}

    Result<void> look_into(const BtfType& type, uint32_t offset, int depth) {
        if (type.is(BTF_KIND_DATASEC)) {
            for (const btf_var_secinfo& variable : type.variables()) {
                TRY(at(btf_.type(btf_.type(variable.type).type()), offset + variable.offset, depth));
            }
            return {};
        }
        for (uint32_t i = 0; i < type.vlen(); ++i) {
            const BtfMember member = type.member(i);
            if (member.bit_offset % 8 == 0) TRY(at(btf_.type(member.type), offset + member.bit_offset / 8, depth));
        }
        return {};
    }

    ValueFields take() {
        std::ranges::sort(found_, {}, &ValueField::offset);
        return ValueFields(std::move(found_));
    }

private:
    Result<void> at(BtfType type, uint32_t offset, int depth) {
        uint32_t count = 1;
        while (type.is(BTF_KIND_ARRAY)) {
            const btf_array& array = type.array();
            count = array.nelems > UINT32_MAX / std::max(count, 1U) ? UINT32_MAX : count * array.nelems;
            type = btf_.type(array.type);
        }
        if (count == 0) return {};
        if (type.is(BTF_KIND_STRUCT)) {
            const auto* const named = std::ranges::find(named_kinds, type.name(), &NamedKind::name);
            if (named != named_kinds.end()) return add_named(*named, type, offset, count);
            const size_t first = found_.size();
            if (depth == deepest) return fail(E2BIG, "structs of the value are nested too deeply");
            TRY(look_into(type, offset, depth + 1));
            return repeat(first, count, type.size());
        }
        if (!is_kptr(type)) return {};
        const size_t first = found_.size();
        TRY(add({ValueFieldKind::kptr, offset, 8}, 8));
        return repeat(first, count, 8);
    }

    [[nodiscard]] bool is_kptr(BtfType type) const {
        if (type.is(BTF_KIND_VOLATILE)) type = btf_.type(type.type());
        if (!type.is(BTF_KIND_PTR)) return false;
        const BtfType tag = btf_.type(type.type());
        if (!tag.is(BTF_KIND_TYPE_TAG)) return false;
        return tag.name() == "kptr" || tag.name() == "kptr_untrusted" || tag.name() == "percpu_kptr";
    }

    Result<void> add_named(const NamedKind& named, const BtfType& type, uint32_t offset, uint32_t count) {
        if (type.size() != named.size) return {};
        const auto same = [&](const ValueField& field) { return field.kind == named.kind; };
        if (named.only_one && (count > 1 || std::ranges::any_of(found_, same))) return fail(E2BIG, "the value has two fields of a kind");
        const size_t first = found_.size();
        TRY(add({named.kind, offset, named.size}, named.alignment));
        return repeat(first, count, named.size);
    }

    Result<void> add(ValueField field, uint32_t alignment) {
        if (field.offset % alignment != 0) return fail(EINVAL, "a special field of the value is not aligned");
        if (found_.size() == most_fields) return fail(E2BIG, "the value has too many special fields");
        found_.push_back(field);
        return {};
    }

    // What was found from `first` on is in the first element of an array.
    Result<void> repeat(size_t first, uint32_t count, uint32_t distance) {
        const size_t end = found_.size();
        if (first == end) return {};
        for (uint32_t i = 1; i < count; ++i) {
            for (size_t field = first; field < end; ++field) {
                if (found_[field].kind != ValueFieldKind::kptr && found_[field].kind != ValueFieldKind::list_head &&
                    found_[field].kind != ValueFieldKind::rb_root) {
                    return fail(E2BIG, "the value has two fields of a kind");
                }
                TRY(add({found_[field].kind, found_[field].offset + i * distance, found_[field].size}, 1));
            }
        }
        return {};
    }

    const Btf& btf_;
    std::vector<ValueField> found_;
};

}  // namespace

Result<ValueFields> find_value_fields(const Btf& btf, uint32_t type_id) {
    Finder finder(btf);
    const BtfType type = btf.type(type_id);
    if (!type.is(BTF_KIND_STRUCT) && !type.is(BTF_KIND_DATASEC)) return ValueFields();
    TRY(finder.look_into(type, 0, 0));
    return finder.take();
}

}  // namespace graft
