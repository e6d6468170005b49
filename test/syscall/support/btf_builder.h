// BTF written type by type, for tests that need exactly these bytes.
//
//     BtfBuilder btf;
//     uint32_t u32 = btf.integer("u32", 4);
//     Fd fd(btf.load());
#pragma once

#include <linux/btf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/call.h"

namespace test {

class BtfBuilder {
public:
    uint32_t string(std::string_view text) {
        if (text.empty()) return 0;
        auto offset = static_cast<uint32_t>(strings_.size());
        strings_.append(text).push_back('\0');
        return offset;
    }
    // Any type: what follows struct btf_type is the caller's.  Returns its id.
    uint32_t type(std::string_view name, uint32_t kind, uint32_t vlen, uint32_t size_or_type, const std::vector<uint32_t>& tail = {},
                  bool kind_flag = false) {
        word(string(name));
        word(kind << 24 | vlen | (kind_flag ? 1U << 31 : 0));
        word(size_or_type);
        for (uint32_t w : tail) word(w);
        return ++last_;
    }
    uint32_t integer(std::string_view name, uint32_t bytes, uint32_t encoding = 0) {
        return type(name, BTF_KIND_INT, 0, bytes, {encoding << 24 | bytes * 8});
    }
    uint32_t structure(std::string_view name, uint32_t bytes, const std::vector<std::pair<std::string, uint32_t>>& members,
                       uint32_t bits_apart) {
        std::vector<uint32_t> tail;
        for (uint32_t i = 0; i < members.size(); i++) {
            for (uint32_t w : {string(members[i].first), members[i].second, i * bits_apart}) tail.push_back(w);
        }
        return type(name, BTF_KIND_STRUCT, static_cast<uint32_t>(members.size()), bytes, tail);
    }
    uint32_t prototype(uint32_t returns, const std::vector<std::pair<std::string, uint32_t>>& parameters = {}) {
        std::vector<uint32_t> tail;
        for (const auto& [name, type] : parameters) {
            tail.push_back(string(name));
            tail.push_back(type);
        }
        return type("", BTF_KIND_FUNC_PROTO, static_cast<uint32_t>(parameters.size()), returns, tail);
    }
    uint32_t function(std::string_view name, uint32_t prototype, uint32_t linkage) { return type(name, BTF_KIND_FUNC, linkage, prototype); }

    // header, types, strings
    [[nodiscard]] std::vector<unsigned char> bytes() const {
        btf_header header{};
        header.magic = BTF_MAGIC;
        header.version = BTF_VERSION;
        header.hdr_len = sizeof header;
        header.type_len = static_cast<uint32_t>(types_.size());
        header.str_off = header.type_len;
        header.str_len = static_cast<uint32_t>(strings_.size());
        std::vector<unsigned char> all(sizeof header + types_.size() + strings_.size());
        std::memcpy(all.data(), &header, sizeof header);
        std::copy(types_.begin(), types_.end(), all.begin() + sizeof header);
        std::copy(strings_.begin(), strings_.end(), all.end() - static_cast<ptrdiff_t>(strings_.size()));
        return all;
    }
    [[nodiscard]] long load() const { return load(bytes()); }
    static long load(const std::vector<unsigned char>& bytes) {
        Attr attr;
        attr->btf = pointer(bytes.data());
        attr->btf_size = static_cast<uint32_t>(bytes.size());
        return attr.call(BPF_BTF_LOAD);
    }

private:
    void word(uint32_t value) {
        const auto* p = reinterpret_cast<const unsigned char*>(&value);
        types_.insert(types_.end(), p, p + sizeof value);
    }
    std::vector<unsigned char> types_;
    std::string strings_ = std::string(1, '\0');
    uint32_t last_ = 0;
};

}  // namespace test
