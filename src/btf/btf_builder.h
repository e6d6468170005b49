// BtfBuilder: BTF written type by type, for tests and for programs made in memory.
//
// It checks nothing, so that it can write what must be refused.  Ids are given out from 1 in the order of the calls.
// Single thread; owns what it has written.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "base/bytes.h"

namespace graft {

class BtfBuilder {
public:
    struct Member {
        std::string_view name;
        uint32_t type;
        uint32_t offset;  // as the wire has it: bits, or with kflag bitfield size << 24 | bits
    };
    struct Param {
        std::string_view name;
        uint32_t type;
    };
    struct Value {
        std::string_view name;
        int64_t value;
    };

    // `first_string`: how many string bytes a base BTF has.
    explicit BtfBuilder(uint32_t first_id = 1, uint32_t first_string = 0) : next_id_(first_id), first_string_(first_string) {
        if (first_string == 0) strings_.push_back('\0');
    }

    static constexpr uint32_t info(uint32_t kind, uint32_t vlen = 0, bool kflag = false) {
        return (kflag ? 1U << 31 : 0) | kind << 24 | vlen;
    }

    uint32_t string(std::string_view text) {
        if (text.empty()) return 0;
        const auto offset = first_string_ + static_cast<uint32_t>(strings_.size());
        strings_.append(text).push_back('\0');
        return offset;
    }
    // A type from its three words; more words may follow by word().
    uint32_t raw(uint32_t name_off, uint32_t info_word, uint32_t size_or_type) {
        word(name_off).word(info_word).word(size_or_type);
        return next_id_++;
    }
    BtfBuilder& word(uint32_t value) {
        const auto* bytes = reinterpret_cast<const char*>(&value);
        types_.append(bytes, sizeof(value));
        return *this;
    }

    uint32_t integer(std::string_view name, uint32_t size, uint32_t encoding = 0) {
        return integer_bits(name, size, encoding << 24 | size * 8);
    }
    uint32_t integer_bits(std::string_view name, uint32_t size, uint32_t data) {
        const uint32_t id = raw(string(name), info(BTF_KIND_INT), size);
        word(data);
        return id;
    }
    // PTR, CONST, VOLATILE, RESTRICT, TYPEDEF, TYPE_TAG, FWD.
    uint32_t reference(uint32_t kind, uint32_t type, std::string_view name = {}) { return raw(string(name), info(kind), type); }
    uint32_t pointer(uint32_t type) { return reference(BTF_KIND_PTR, type); }
    uint32_t type_definition(std::string_view name, uint32_t type) { return reference(BTF_KIND_TYPEDEF, type, name); }
    uint32_t array(uint32_t type, uint32_t index_type, uint32_t nelems) {
        const uint32_t id = raw(0, info(BTF_KIND_ARRAY), 0);
        word(type).word(index_type).word(nelems);
        return id;
    }
    uint32_t structure(std::string_view name, uint32_t size, const std::vector<Member>& members, uint32_t kind = BTF_KIND_STRUCT,
                       bool kflag = false) {
        const uint32_t id = raw(string(name), info(kind, static_cast<uint32_t>(members.size()), kflag), size);
        for (const Member& member : members) word(string(member.name)).word(member.type).word(member.offset);
        return id;
    }
    uint32_t enumeration(std::string_view name, uint32_t size, const std::vector<Value>& values, bool is_signed = false) {
        const uint32_t id = raw(string(name), info(BTF_KIND_ENUM, static_cast<uint32_t>(values.size()), is_signed), size);
        for (const Value& value : values) word(string(value.name)).word(static_cast<uint32_t>(value.value));
        return id;
    }
    uint32_t enumeration64(std::string_view name, uint32_t size, const std::vector<Value>& values, bool is_signed = false) {
        const uint32_t id = raw(string(name), info(BTF_KIND_ENUM64, static_cast<uint32_t>(values.size()), is_signed), size);
        for (const Value& value : values) {
            const auto bits = static_cast<uint64_t>(value.value);
            word(string(value.name)).word(static_cast<uint32_t>(bits)).word(static_cast<uint32_t>(bits >> 32));
        }
        return id;
    }
    uint32_t func_proto(uint32_t returns, const std::vector<Param>& params) {
        const uint32_t id = raw(0, info(BTF_KIND_FUNC_PROTO, static_cast<uint32_t>(params.size())), returns);
        for (const Param& param : params) word(string(param.name)).word(param.type);
        return id;
    }
    uint32_t func(std::string_view name, uint32_t proto, uint32_t linkage = BTF_FUNC_GLOBAL) {
        return raw(string(name), info(BTF_KIND_FUNC, linkage), proto);
    }
    uint32_t variable(std::string_view name, uint32_t type, uint32_t linkage = BTF_VAR_GLOBAL_ALLOCATED) {
        const uint32_t id = raw(string(name), info(BTF_KIND_VAR), type);
        word(linkage);
        return id;
    }
    uint32_t section(std::string_view name, uint32_t size, const std::vector<btf_var_secinfo>& variables) {
        const uint32_t id = raw(string(name), info(BTF_KIND_DATASEC, static_cast<uint32_t>(variables.size())), size);
        for (const btf_var_secinfo& variable : variables) word(variable.type).word(variable.offset).word(variable.size);
        return id;
    }
    uint32_t decl_tag(std::string_view value, uint32_t type, int32_t component_idx = -1) {
        const uint32_t id = raw(string(value), info(BTF_KIND_DECL_TAG), type);
        word(static_cast<uint32_t>(component_idx));
        return id;
    }

    [[nodiscard]] btf_header header() const {
        const auto type_len = static_cast<uint32_t>(types_.size());
        return {BTF_MAGIC, BTF_VERSION, 0, sizeof(btf_header), 0, type_len, type_len, static_cast<uint32_t>(strings_.size())};
    }
    [[nodiscard]] std::vector<std::byte> build() const { return build(header()); }
    // With a header of the caller's, right or wrong.
    [[nodiscard]] std::vector<std::byte> build(const btf_header& with) const {
        std::vector<std::byte> data(sizeof(with) + types_.size() + strings_.size());
        std::memcpy(data.data(), &with, sizeof(with));
        std::memcpy(data.data() + sizeof(with), types_.data(), types_.size());
        std::memcpy(data.data() + sizeof(with) + types_.size(), strings_.data(), strings_.size());
        return data;
    }

private:
    uint32_t next_id_;
    uint32_t first_string_;
    std::string types_;
    std::string strings_;
};

}  // namespace graft
