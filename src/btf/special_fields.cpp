#include "btf/special_fields.h"

#include <algorithm>
#include <array>
#include <compare>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace graft {
namespace {

constexpr size_t most_fields = 11;
constexpr uint32_t deepest = Btf::max_resolve_depth;

struct FieldType {
    FieldKind kind;
    std::string_view name;
    uint32_t size;
    uint32_t alignment;
    bool once;  // at most one in a struct and the structs in it
};

constexpr std::array field_types = {
    FieldType{FieldKind::spin_lock, "bpf_spin_lock", 4, 4, true},   FieldType{FieldKind::timer, "bpf_timer", 16, 8, true},
    FieldType{FieldKind::workqueue, "bpf_wq", 16, 8, true},         FieldType{FieldKind::list_head, "bpf_list_head", 16, 8, false},
    FieldType{FieldKind::list_node, "bpf_list_node", 24, 8, false}, FieldType{FieldKind::rb_root, "bpf_rb_root", 16, 8, false},
    FieldType{FieldKind::rb_node, "bpf_rb_node", 32, 8, false},     FieldType{FieldKind::refcount, "bpf_refcount", 4, 4, true},
};
constexpr FieldType kptr_type = {FieldKind::kptr_ref, "", 8, 8, false};

bool is_struct(const BtfType& type) { return type.is(BTF_KIND_STRUCT); }

// --- kernel pointers --------------------------------------------------------------------

struct Kptr {
    FieldKind kind;
    uint32_t pointee;
};

std::optional<FieldKind> kptr_kind(std::string_view tag) {
    if (tag == "kptr_untrusted") return FieldKind::kptr_unref;
    if (tag == "kptr") return FieldKind::kptr_ref;
    if (tag == "percpu_kptr") return FieldKind::kptr_percpu;
    return std::nullopt;
}

// "struct T __kptr *", maybe volatile.  Nothing: another type.
Result<std::optional<Kptr>> read_kptr(const Btf& btf, BtfType type) {
    if (type.is(BTF_KIND_VOLATILE)) type = btf.type(type.type());
    if (!type.is(BTF_KIND_PTR)) return std::optional<Kptr>();
    const BtfType tag = btf.type(type.type());
    if (!tag.is(BTF_KIND_TYPE_TAG)) return std::optional<Kptr>();
    if (btf.type(tag.type()).is(BTF_KIND_TYPE_TAG)) return fail(EINVAL, "a kernel pointer with two type tags");
    const auto kind = kptr_kind(tag.name());
    if (!kind) return fail(EINVAL, "a pointer with an unknown type tag");
    const auto pointee = btf.sized(tag.type());
    if (!pointee || !is_struct(btf.type(pointee->id))) return fail(EINVAL, "a kernel pointer to what is no struct");
    return std::optional(Kptr{*kind, pointee->id});
}

// --- what lists and trees look up by name ---------------------------------------------------

// Where a field stands: what its DECL_TAGs refer to.
struct Place {
    uint32_t holder;
    uint32_t component;
    auto operator<=>(const Place&) const = default;
};

// Indexed when it is first asked: a BTF may have half a million structs with a list each.
class Names {
public:
    explicit Names(const Btf& btf) : btf_(btf) {}

    [[nodiscard]] std::optional<uint32_t> find_struct(std::string_view name) {
        index();
        const auto it = structs_.find(name);
        if (it == structs_.end()) return std::nullopt;
        return it->second;
    }

    // A root says by a DECL_TAG "contains:STRUCT:MEMBER" what it holds; this is what is behind the first colon.
    Result<std::string_view> find_contents(const Place& place) {
        index();
        const auto [begin, end] = contents_.equal_range(place);
        if (begin == end) return fail(EINVAL, "no tag says what a list or tree contains");
        if (std::next(begin) != end) return fail(EINVAL, "two tags say what a list or tree contains");
        return begin->second;
    }

private:
    void index() {
        if (std::exchange(indexed_, true)) return;
        constexpr std::string_view prefix = "contains:";
        for (uint32_t id = 1; id < btf_.count(); ++id) {
            const BtfType type = btf_.type(id);
            if (is_struct(type)) structs_.emplace(type.name(), id);
            if (!type.is(BTF_KIND_DECL_TAG) || !type.name().starts_with(prefix)) continue;
            contents_.emplace(Place{type.type(), static_cast<uint32_t>(type.component_idx())}, type.name().substr(prefix.size()));
        }
    }

    const Btf& btf_;
    bool indexed_ = false;
    std::unordered_map<std::string_view, uint32_t> structs_;  // the first of each name
    std::multimap<Place, std::string_view> contents_;
};

// --- the search ---------------------------------------------------------------------------

struct Found {
    SpecialField field;
    std::string_view node;  // root: the member of its struct
};

// May run for many structs of one BTF; what it learnt of the structs in them it keeps.
class FieldSearch {
public:
    FieldSearch(const Btf& btf, FieldKinds wanted) : btf_(btf), names_(btf), wanted_(wanted) {}

    Result<SpecialFields> run(const BtfType& type, uint32_t size) {
        found_.clear();
        seen_ = 0;
        if (is_struct(type)) {
            TRY(search_members(type, 0));
        } else if (type.is(BTF_KIND_DATASEC)) {
            TRY(search_section(type));
        } else {
            return fail(EINVAL, "only structs and data sections have special fields");
        }
        return collect(size);
    }

private:
    // One member or variable.
    struct Spot {
        Place place;
        uint32_t offset;
        uint32_t expected;  // bytes that it must take; 0: any
        uint32_t depth;
    };

    // What is in a struct, by itself.
    struct Searched {
        uint32_t levels;
        FieldKinds once;  // of the types that may be there once
        std::vector<Found> found;
    };

    // How many levels of structs are in the type: 0, or one more than its deepest member's.
    Result<uint32_t> search_members(const BtfType& type, uint32_t depth) {
        uint32_t levels = 0;
        for (uint32_t i = 0; i < type.vlen(); ++i) {
            const BtfMember member = type.member(i);
            if (member.bit_offset % 8 != 0) return fail(EINVAL, "a member begins within a byte");
            const Spot spot{{type.id(), i}, member.bit_offset / 8, 0, depth};
            levels = std::max(levels, TRY(search_one(spot, btf_.type(member.type))));
        }
        return levels;
    }

    Result<void> search_section(const BtfType& section) {
        for (const btf_var_secinfo& info : section.variables()) {
            const BtfType variable = btf_.type(info.type);
            const Spot spot{{variable.id(), UINT32_MAX}, info.offset, info.size, 0};
            TRY(search_one(spot, btf_.type(variable.type())));
        }
        return {};
    }

    // Returns the levels of structs in it.
    Result<uint32_t> search_one(const Spot& spot, BtfType type) {
        uint32_t count = 1;
        uint32_t arrays = 0;
        for (; arrays < deepest && type.is(BTF_KIND_ARRAY); ++arrays) {
            count *= type.array().nelems;
            type = btf_.type(type.array().type);
        }
        if (arrays == deepest) return fail(E2BIG, "arrays are nested too deeply");
        if (count == 0) return 0U;

        const FieldType* wanted = TRY(match(type));
        const uint32_t element = wanted != nullptr ? wanted->size : type.size();
        if (wanted == nullptr && !is_struct(type)) return 0U;
        if (spot.expected != 0 && spot.expected != element * count) return 0U;
        if (wanted == nullptr) return search_nested(type, spot.offset, count, spot.depth + 1);
        if (spot.offset % wanted->alignment != 0) return 0U;
        std::optional<Found> field = TRY(read_field(spot, type, *wanted));
        if (!field) return 0U;
        if (found_.size() == most_fields) return fail(E2BIG, "too many special fields");
        found_.push_back(*field);
        TRY(repeat(found_.size() - 1, count, wanted->size));
        return 0U;
    }

    // A struct is searched once: there may be exponentially many ways to it.
    Result<uint32_t> search_nested(const BtfType& type, uint32_t offset, uint32_t count, uint32_t depth) {
        const size_t first = found_.size();
        auto known = searched_.find(type.id());
        if (known != searched_.end()) {
            TRY(repeat_search(known->second, depth));
        } else {
            if (depth >= deepest) return fail(E2BIG, "structs are nested too deeply");
            const FieldKinds seen = seen_;
            const uint32_t levels = 1 + TRY(search_members(type, depth));
            const std::vector<Found> fields(found_.begin() + static_cast<ptrdiff_t>(first), found_.end());
            known = searched_.emplace(type.id(), Searched{levels, seen_ & ~seen, fields}).first;
        }
        for (size_t i = first; i < found_.size(); ++i) found_[i].field.offset += offset;
        if (found_.size() != first) TRY(repeat(first, count, type.size()));
        return known->second.levels;
    }

    // What was accepted once can only be too much.
    Result<void> repeat_search(const Searched& known, uint32_t depth) {
        if (depth + known.levels > deepest) return fail(E2BIG, "structs are nested too deeply");
        if ((known.once & seen_) != 0) return fail(E2BIG, "a second lock, timer, work queue or refcount");
        if (found_.size() + known.found.size() > most_fields) return fail(E2BIG, "too many special fields");
        seen_ = seen_ | known.once;
        found_.insert(found_.end(), known.found.begin(), known.found.end());
        return {};
    }

    // What was found from `first` on is the first of `count` elements of an array.
    Result<void> repeat(size_t first, uint32_t count, uint32_t stride) {
        if (count == 1) return {};
        const size_t fields = found_.size() - first;
        for (size_t i = first; i < found_.size(); ++i) {
            if (!has_kind(kptr_kinds | graph_roots, found_[i].field.kind))
                return fail(EINVAL, "a special field that may not be in an array");
        }
        if (uint64_t{fields} * count > most_fields - first) return fail(E2BIG, "too many special fields");
        for (uint32_t element = 1; element < count; ++element) {
            for (size_t i = first; i < first + fields; ++i) {
                Found copy = found_[i];
                copy.field.offset += element * stride;
                found_.push_back(copy);
            }
        }
        return {};
    }

    // The special type that a type looks like by its name; anything else but a struct may be a kernel pointer.  Null: none.
    Result<const FieldType*> match(const BtfType& type) {
        for (const FieldType& candidate : field_types) {
            if (!has_kind(wanted_, candidate.kind) || type.name() != candidate.name) continue;
            if (candidate.once && has_kind(seen_, candidate.kind)) return fail(E2BIG, "a second lock, timer, work queue or refcount");
            if (candidate.once) seen_ = seen_ | candidate.kind;
            return &candidate;
        }
        const bool may_be_kptr = (wanted_ & kptr_kinds) != 0 && !is_struct(type);
        return may_be_kptr ? &kptr_type : nullptr;
    }

    // Nothing: it only looked like one.
    Result<std::optional<Found>> read_field(const Spot& spot, const BtfType& type, const FieldType& wanted) {
        if (&wanted == &kptr_type) {
            const std::optional<Kptr> kptr = TRY(read_kptr(btf_, type));
            if (!kptr) return std::optional<Found>();
            return std::optional(Found{{kptr->kind, spot.offset, wanted.size, kptr->pointee, 0}, {}});
        }
        if (!is_struct(type) || type.size() != wanted.size) return std::optional<Found>();
        Found found{{wanted.kind, spot.offset, wanted.size, 0, 0}, {}};
        if (has_kind(graph_roots, wanted.kind)) TRY(read_root(spot.place, found));
        return std::optional(found);
    }

    Result<void> read_root(const Place& place, Found& root) {
        const std::string_view contents = TRY(names_.find_contents(place));
        const size_t colon = contents.find(':');
        if (colon == std::string_view::npos) return fail(EINVAL, "the tag of a list or tree names no node");
        const auto type = names_.find_struct(contents.substr(0, colon));
        if (!type) return fail(ENOENT, "a list or tree of a type that does not exist");
        root.field.type = *type;
        root.node = contents.substr(colon + 1);
        if (root.node.empty()) return fail(EINVAL, "the tag of a list or tree names no node");
        return {};
    }

    // --- what was found, together ---

    Result<SpecialFields> collect(uint32_t size) {
        SpecialFields result;
        uint64_t end = 0;
        for (const Found& each : found_) {
            SpecialField field = each.field;
            if (uint64_t{field.offset} + field.size > size) return fail(EFAULT, "a special field lies beyond the end");
            if (field.offset < end) return fail(EEXIST, "two special fields at one place");
            end = uint64_t{field.offset} + field.size;
            if (has_kind(graph_roots, field.kind)) field.node_offset = TRY(find_node(each));
            result.kinds = result.kinds | field.kind;
            result.fields.push_back(field);
        }
        if ((result.kinds & graph_roots) != 0 && !has_kind(result.kinds, FieldKind::spin_lock)) {
            return fail(EINVAL, "a list or tree without a lock beside it");
        }
        if (!has_kind(result.kinds, FieldKind::refcount) && (result.kinds & graph_nodes) == graph_nodes) {
            return fail(EINVAL, "an object in a list and a tree without a refcount");
        }
        std::ranges::sort(result.fields, {}, &SpecialField::offset);
        return result;
    }

    // Where in its struct the node of a list or tree is.
    Result<uint32_t> find_node(const Found& root) {
        const std::tuple key(root.field.type, root.field.kind, root.node);
        if (const auto it = nodes_.find(key); it != nodes_.end()) return it->second;
        const std::string_view node_type = root.field.kind == FieldKind::list_head ? "bpf_list_node" : "bpf_rb_node";
        const BtfType holder = btf_.type(root.field.type);
        std::optional<uint32_t> offset;
        for (uint32_t i = 0; i < holder.vlen(); ++i) {
            const BtfMember member = holder.member(i);
            if (member.name != root.node) continue;
            if (offset) return fail(EINVAL, "two members have the name of a list's or tree's node");
            const BtfType type = btf_.type(member.type);
            if (!is_struct(type) || type.name() != node_type) return fail(EINVAL, "the member that a list or tree names is no node");
            if (member.bit_offset % (8 * sizeof(void*)) != 0) return fail(EINVAL, "the node of a list or tree is not aligned");
            offset = member.bit_offset / 8;
        }
        if (!offset) return fail(ENOENT, "the struct has no member of the name of a list's or tree's node");
        nodes_.emplace(key, *offset);
        return *offset;
    }

    const Btf& btf_;
    Names names_;
    FieldKinds wanted_;
    std::vector<Found> found_;  // in the order of the members
    FieldKinds seen_ = 0;       // of the types that may be there once
    std::unordered_map<uint32_t, Searched> searched_;
    std::map<std::tuple<uint32_t, FieldKind, std::string_view>, uint32_t> nodes_;  // where they are in their structs
};

// --- objects ------------------------------------------------------------------------------

// Lists and trees own their nodes.  What is a node itself may not own what owns others: it might own itself in the end.
Result<void> check_ownership(const std::map<uint32_t, SpecialFields>& objects, const SpecialFields& object) {
    for (const SpecialField& field : object.fields) {
        if (!has_kind(graph_roots, field.kind)) continue;
        const auto owned = objects.find(field.type);
        if (owned == objects.end()) return fail(EFAULT, "a list or tree of a type that cannot be allocated");
        if ((object.kinds & graph_nodes) != 0 && (owned->second.kinds & graph_roots) != 0) {
            return fail(ELOOP, "lists or trees that may own each other in a ring");
        }
    }
    return {};
}

// The types whose presence as a member makes a struct one that programs may allocate: the special ones, and kernel pointers.
std::set<uint32_t> marking_types(const Btf& btf) {
    std::set<uint32_t> marking;
    FieldKinds seen = 0;
    for (uint32_t id = 1; id < btf.count(); ++id) {
        const BtfType type = btf.type(id);
        if (is_struct(type)) {
            const auto* match = std::ranges::find(field_types, type.name(), &FieldType::name);
            if (match == field_types.end() || !has_kind(object_kinds, match->kind) || has_kind(seen, match->kind)) continue;
            seen = seen | match->kind;
            marking.insert(id);
            continue;
        }
        const auto kptr = read_kptr(btf, type);
        if (kptr.ok() && kptr.value()) marking.insert(id);
    }
    return marking;
}

}  // namespace

const SpecialField* SpecialFields::find(FieldKind kind) const {
    const auto it = std::ranges::find(fields, kind, &SpecialField::kind);
    return it == fields.end() ? nullptr : &*it;
}

Result<SpecialFields> find_special_fields(const Btf& btf, uint32_t type_id, FieldKinds wanted, uint32_t size) {
    return FieldSearch(btf, wanted).run(btf.type(type_id), size);
}

Result<void> check_object_types(const Btf& btf) {
    const std::set<uint32_t> marking = marking_types(btf);
    if (marking.empty()) return {};
    FieldSearch search(btf, object_kinds);
    std::map<uint32_t, SpecialFields> objects;
    for (uint32_t id = btf.first_id(); id < btf.count(); ++id) {
        const BtfType type = btf.type(id);
        if (!is_struct(type)) continue;
        if (std::ranges::none_of(type.members(), [&](const btf_member& member) { return marking.contains(member.type); })) continue;
        SpecialFields fields = TRY(search.run(type, type.size()));
        if (fields.fields.empty()) return fail(EFAULT, "a struct has only what looks like special fields");
        objects.emplace(id, std::move(fields));
    }
    for (const auto& [id, object] : objects) TRY(check_ownership(objects, object));
    return {};
}

}  // namespace graft
