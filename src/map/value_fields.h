// ValueFields: the fields of a map's value that the kernel keeps for itself, as its BTF tells: locks, timers, pointers to kernel objects.
//
// A copy of a value leaves them alone, and a client reads zeros in their place.  Immutable once the map exists.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"

namespace graft {

class Btf;

enum class ValueFieldKind : uint8_t { spin_lock, timer, workqueue, kptr, list_head, list_node, rb_root, rb_node, refcount };

struct ValueField {
    ValueFieldKind kind;
    uint32_t offset;  // bytes from the start of the value
    uint32_t size;    // bytes
    friend bool operator==(const ValueField&, const ValueField&) = default;
};

class ValueFields {
public:
    ValueFields() = default;
    explicit ValueFields(std::vector<ValueField> ascending) : fields_(std::move(ascending)) {}

    [[nodiscard]] bool empty() const { return fields_.empty(); }
    [[nodiscard]] auto begin() const { return fields_.begin(); }
    [[nodiscard]] auto end() const { return fields_.end(); }

    // Offset of the only field of a kind of which a value has at most one.
    [[nodiscard]] std::optional<uint32_t> offset_of(ValueFieldKind kind) const {
        for (const ValueField& field : fields_) {
            if (field.kind == kind) return field.offset;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::optional<uint32_t> spin_lock() const { return offset_of(ValueFieldKind::spin_lock); }
    friend bool operator==(const ValueFields&, const ValueFields&) = default;

private:
    std::vector<ValueField> fields_;  // by offset, disjoint
};

// The special fields of a STRUCT or DATASEC; none of another type.  EINVAL, E2BIG: fields that Linux does not understand; it then treats
// the value as one without any.
[[nodiscard]] Result<ValueFields> find_value_fields(const Btf& btf, uint32_t type_id);

}  // namespace graft
