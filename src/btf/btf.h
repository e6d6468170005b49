// Btf: a checked, immutable set of BTF types with their names.
//
// parse() admits what BPF_BTF_LOAD of Linux 6.12 admits, and says what is wrong with the rest in that kernel's words; so whoever holds a
// Btf follows type ids and name offsets that it contains without checking them again.
//
// Thread safety: immutable but for registration, which happens once, before the object is shared.
// Ownership: shared by Ref; a split BTF keeps its base alive.  A BtfType is a view and lives no longer than its Btf.
// Ids: 0 is void; a split BTF's own ids and string offsets begin where its base's end.  Sizes are bytes unless a name says bits.
// Errno: parse() gives EINVAL, E2BIG (too large, too many types, resolution too deep), ENOTSUPP (version, flags, INT encoding), EEXIST
// (a type contains itself).
// Source: include/uapi/linux/btf.h, Documentation/bpf/btf.rst, and what Linux 6.12 answers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/ref.h"
#include "base/result.h"
#include "object/id_table.h"
#include "object/object.h"

namespace graft {

class Btf;

struct BtfMember {
    std::string_view name;
    uint32_t type = 0;
    uint32_t bit_offset = 0;
    uint32_t bitfield_size = 0;  // bits; 0: no bitfield
};

// One type.  The kind is a BTF_KIND_* of the UAPI; void (id 0) has kind BTF_KIND_UNKN.
class BtfType {
public:
    BtfType(const Btf& btf, uint32_t id, const btf_type* raw) : btf_(&btf), id_(id), raw_(raw) {}

    [[nodiscard]] const Btf& btf() const { return *btf_; }
    [[nodiscard]] uint32_t id() const { return id_; }
    [[nodiscard]] uint32_t kind() const { return BTF_INFO_KIND(raw_->info); }
    [[nodiscard]] uint32_t vlen() const { return BTF_INFO_VLEN(raw_->info); }
    [[nodiscard]] bool kflag() const { return BTF_INFO_KFLAG(raw_->info) != 0; }
    [[nodiscard]] uint32_t info() const { return raw_->info; }
    [[nodiscard]] uint32_t name_off() const { return raw_->name_off; }
    [[nodiscard]] std::string_view name() const;

    // INT, ENUM, ENUM64, STRUCT, UNION, DATASEC, FLOAT say their size.  The same word of the others is type().
    [[nodiscard]] uint32_t size() const { return raw_->size; }
    // PTR, TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG, FUNC (its FUNC_PROTO), FUNC_PROTO (what it returns), VAR, DECL_TAG.
    [[nodiscard]] uint32_t type() const { return raw_->type; }

    // What stands behind the type, by kind.
    [[nodiscard]] uint32_t int_data() const { return *tail<uint32_t>(); }
    [[nodiscard]] uint32_t int_encoding() const { return BTF_INT_ENCODING(int_data()); }
    [[nodiscard]] uint32_t int_offset() const { return BTF_INT_OFFSET(int_data()); }
    [[nodiscard]] uint32_t int_bits() const { return BTF_INT_BITS(int_data()); }
    // As C has them: its bits are 1, 2, 4, 8 or 16 whole bytes (its size may be larger).
    [[nodiscard]] bool int_is_regular() const;
    [[nodiscard]] const btf_array& array() const { return *tail<btf_array>(); }
    [[nodiscard]] std::span<const btf_member> members() const { return {tail<btf_member>(), vlen()}; }  // STRUCT, UNION
    [[nodiscard]] BtfMember member(uint32_t index) const;
    [[nodiscard]] std::span<const btf_enum> enums() const { return {tail<btf_enum>(), vlen()}; }        // ENUM; kflag: signed
    [[nodiscard]] std::span<const btf_enum64> enums64() const { return {tail<btf_enum64>(), vlen()}; }  // ENUM64; kflag: signed
    [[nodiscard]] std::span<const btf_param> params() const { return {tail<btf_param>(), vlen()}; }     // FUNC_PROTO; type 0 last: "..."
    [[nodiscard]] uint32_t func_linkage() const { return vlen(); }                                      // FUNC: BTF_FUNC_STATIC ...
    [[nodiscard]] uint32_t var_linkage() const { return tail<btf_var>()->linkage; }                     // VAR
    [[nodiscard]] std::span<const btf_var_secinfo> variables() const { return {tail<btf_var_secinfo>(), vlen()}; }  // DATASEC
    [[nodiscard]] int32_t component_idx() const { return tail<btf_decl_tag>()->component_idx; }  // DECL_TAG; -1: the type itself

    [[nodiscard]] bool is(uint32_t wanted) const { return kind() == wanted; }
    [[nodiscard]] bool is_void() const { return kind() == BTF_KIND_UNKN; }
    [[nodiscard]] bool is_struct() const { return is(BTF_KIND_STRUCT) || is(BTF_KIND_UNION); }
    [[nodiscard]] bool is_any_enum() const { return is(BTF_KIND_ENUM) || is(BTF_KIND_ENUM64); }
    [[nodiscard]] bool is_scalar() const { return is(BTF_KIND_INT) || is_any_enum(); }
    [[nodiscard]] bool is_modifier() const;  // TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG
    [[nodiscard]] bool has_size() const;     // those of size()

private:
    // The bytes behind a btf_type are ints and structs of ints; the parser keeps them aligned.
    template <class T>
    [[nodiscard]] const T* tail() const {
        return reinterpret_cast<const T*>(raw_ + 1);
    }

    const Btf* btf_;
    uint32_t id_;
    const btf_type* raw_;
};

// The type that a chain of modifiers and variables ends in, and the bytes it takes.
struct SizedType {
    uint32_t id = 0;
    uint32_t size = 0;
};

class Btf final : public Object {
public:
    static constexpr uint32_t max_size = 16U << 20;
    static constexpr uint32_t max_types = 0x000fffff;
    static constexpr uint32_t max_name_offset = 0x00ffffff;
    static constexpr uint32_t max_resolve_depth = 32;
    static constexpr uint32_t max_identifier = 512;  // with its NUL

    // Copies `data`.  `base`: the BTF that this one extends, or null.
    static Result<Ref<Btf>> parse(Bytes data, Log& log, Ref<const Btf> base = nullptr);
    ~Btf() override;

    // --- identity ---
    // Gives the object an id; the table must outlive it.  Once.
    uint32_t register_in(IdTable<Btf>& table);
    [[nodiscard]] uint32_t id() const { return id_; }
    // bpf_btf_info's name and kernel_btf: empty and false for what a client loaded.
    [[nodiscard]] std::string_view object_name() const { return object_name_; }
    [[nodiscard]] bool kernel_btf() const { return kernel_btf_; }
    void mark_kernel(std::string name);
    [[nodiscard]] Bytes raw() const { return Bytes(buffer_).subspan(padding_); }
    [[nodiscard]] const Btf* base() const { return base_.get(); }

    // --- types ---
    // One more than the largest id, with void and the base's types.
    [[nodiscard]] uint32_t count() const { return first_id_ + static_cast<uint32_t>(offsets_.size()); }
    [[nodiscard]] uint32_t first_id() const { return first_id_; }  // of its own: 1, or the base's count
    [[nodiscard]] BtfType type(uint32_t id) const;                 // requires id < count()
    [[nodiscard]] std::optional<BtfType> find_type(uint32_t id) const;
    // The NUL-terminated string at the offset; empty for 0 and for an offset out of range.
    [[nodiscard]] std::string_view name(uint32_t offset) const { return find_name(offset).value_or(std::string_view{}); }
    [[nodiscard]] std::optional<std::string_view> find_name(uint32_t offset) const;
    // The first type of that kind and name, its base's types first.  ENOENT.
    [[nodiscard]] Result<BtfType> find(std::string_view name, uint32_t kind) const;

    // What is behind TYPEDEF, VOLATILE, CONST, RESTRICT and TYPE_TAG; maybe void.  Requires id < count().
    [[nodiscard]] BtfType skip_modifiers(uint32_t id) const;
    // Follows modifiers and variables to a type with a size; nothing for void, FWD, FUNC, FUNC_PROTO and DECL_TAG.
    [[nodiscard]] std::optional<SizedType> sized(uint32_t id) const;
    // EINVAL where sized() has nothing.
    [[nodiscard]] Result<uint32_t> resolve_size(uint32_t id) const;
    // The FUNC_PROTO of a FUNC.  EINVAL: `id` is no FUNC.
    [[nodiscard]] Result<BtfType> func_proto(uint32_t func_id) const;

private:
    friend class BtfParser;
    Btf() : Object(ObjectKind::btf) {}

    std::vector<std::byte> buffer_;  // padding, so that the types are aligned, then the raw data
    size_t padding_ = 0;
    Bytes types_;
    Bytes strings_;
    Ref<const Btf> base_;
    uint32_t first_id_ = 1;
    uint32_t first_string_ = 0;
    std::vector<uint32_t> offsets_;  // in types_, of type first_id_ + i
    // Of each own type that needed it: where a modifier, pointer, variable or declaration leads; an array's element and whole size.
    std::vector<SizedType> resolved_;

    IdTable<Btf>* table_ = nullptr;
    uint32_t id_ = 0;
    std::string object_name_;
    bool kernel_btf_ = false;
};

// "INT", "PTR" ...: the words of the log.
[[nodiscard]] std::string_view kind_name(uint32_t kind);

}  // namespace graft
