// Special fields: the parts of a struct that programs touch only through helpers: locks, timers, kernel pointers, lists, trees.
//
// A field is special by the name and size of its type.  Map values and allocated objects have them; the verifier keeps loads and stores
// away from them, and a map gives them up when an element goes.  Pure functions.
// Source: what Linux 6.12 answers to BPF_BTF_LOAD and BPF_MAP_CREATE.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "btf/btf.h"

namespace graft {

// Bits, so that several can be asked for.
enum class FieldKind : uint32_t {
    spin_lock = 1U << 0,
    timer = 1U << 1,
    workqueue = 1U << 2,
    kptr_unref = 1U << 3,
    kptr_ref = 1U << 4,
    kptr_percpu = 1U << 5,
    list_head = 1U << 6,
    list_node = 1U << 7,
    rb_root = 1U << 8,
    rb_node = 1U << 9,
    refcount = 1U << 10,
};
using FieldKinds = uint32_t;

constexpr FieldKinds operator|(FieldKind a, FieldKind b) { return static_cast<FieldKinds>(a) | static_cast<FieldKinds>(b); }
constexpr FieldKinds operator|(FieldKinds kinds, FieldKind kind) { return kinds | static_cast<FieldKinds>(kind); }
constexpr bool has_kind(FieldKinds kinds, FieldKind kind) { return (kinds & static_cast<FieldKinds>(kind)) != 0; }

inline constexpr FieldKinds kptr_kinds = FieldKind::kptr_unref | FieldKind::kptr_ref | FieldKind::kptr_percpu;
inline constexpr FieldKinds graph_roots = FieldKind::list_head | FieldKind::rb_root;
inline constexpr FieldKinds graph_nodes = FieldKind::list_node | FieldKind::rb_node;
// What a map's value may have.
inline constexpr FieldKinds value_kinds =
    kptr_kinds | graph_roots | FieldKind::spin_lock | FieldKind::timer | FieldKind::workqueue | FieldKind::refcount;
// What an object that a program allocates may have.
inline constexpr FieldKinds object_kinds = kptr_kinds | graph_roots | graph_nodes | FieldKind::spin_lock | FieldKind::refcount;

struct SpecialField {
    FieldKind kind{};
    uint32_t offset = 0;       // bytes, in the struct
    uint32_t size = 0;         // bytes
    uint32_t type = 0;         // kptr: the struct pointed to; root: the struct of its nodes; ids of the same BTF
    uint32_t node_offset = 0;  // root: of the node in that struct

    // The same in memory; what it leads to may have another id in another BTF.
    friend bool operator==(const SpecialField& a, const SpecialField& b) {
        return a.kind == b.kind && a.offset == b.offset && a.size == b.size;
    }
};

struct SpecialFields {
    FieldKinds kinds = 0;
    std::vector<SpecialField> fields;  // by offset, disjoint

    [[nodiscard]] bool empty() const { return fields.empty(); }
    [[nodiscard]] bool has(FieldKind kind) const { return has_kind(kinds, kind); }
    // The first of that kind, or null.
    [[nodiscard]] const SpecialField* find(FieldKind kind) const;
    [[nodiscard]] std::optional<uint32_t> offset_of(FieldKind kind) const {
        const SpecialField* const field = find(kind);
        return field == nullptr ? std::nullopt : std::optional(field->offset);
    }
    friend bool operator==(const SpecialFields&, const SpecialFields&) = default;
};

// The special fields among `wanted` of a STRUCT or DATASEC of `size` bytes; none is no error.
// EINVAL: a field where it cannot be, or without what it needs; E2BIG: a second lock, timer, work queue or refcount, or more than 11
// fields; EEXIST: two at one place; ENOENT: a list or tree of a type that does not exist, or has no such node; EFAULT: beyond `size`.
Result<SpecialFields> find_special_fields(const Btf& btf, uint32_t type_id, FieldKinds wanted, uint32_t size);

// What BPF_BTF_LOAD demands of every struct that has such fields.  Also ELOOP: lists or trees that may own each other in a ring.
Result<void> check_object_types(const Btf& btf);

}  // namespace graft
