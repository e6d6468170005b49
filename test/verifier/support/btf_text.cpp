#include "support/btf_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace graft::test {
namespace {

struct BaseType {
    const char* name;
    uint32_t size;
    uint32_t encoding;
};
constexpr BaseType base_types[] = {
    {"char", 1, 0},
    {"bool", 1, BTF_INT_BOOL},
    {"int", 4, BTF_INT_SIGNED},
    {"long", 8, BTF_INT_SIGNED},
    {"short", 2, BTF_INT_SIGNED},
    {"unsigned int", 4, 0},
    {"unsigned long", 8, 0},
    {"u8", 1, 0},
    {"u16", 2, 0},
    {"u32", 4, 0},
    {"u64", 8, 0},
    {"s8", 1, BTF_INT_SIGNED},
    {"s16", 2, BTF_INT_SIGNED},
    {"s32", 4, BTF_INT_SIGNED},
    {"s64", 8, BTF_INT_SIGNED},
    {"__int128", 16, BTF_INT_SIGNED},
};

bool word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

// Words and single punctuation characters.
struct BtfText::Words {
    explicit Words(std::string_view text) {
        for (size_t i = 0; i < text.size();) {
            if (std::isspace(static_cast<unsigned char>(text[i])) != 0) {
                ++i;
                continue;
            }
            size_t end = i + 1;
            if (word_char(text[i]))
                end = static_cast<size_t>(std::find_if_not(text.begin() + static_cast<long>(i), text.end(), word_char) - text.begin());
            all.emplace_back(text.substr(i, end - i));
            i = end;
        }
    }
    [[nodiscard]] std::string peek() const { return next < all.size() ? all[next] : std::string(); }
    std::string take() { return next < all.size() ? all[next++] : std::string(); }
    bool accept(std::string_view word) {
        if (peek() != word) return false;
        ++next;
        return true;
    }
    std::vector<std::string> all;
    size_t next = 0;
};

uint32_t BtfText::base_type(const std::string& name) {
    if (const auto it = types_.find(name); it != types_.end()) return it->second;
    for (const BaseType& type : base_types) {
        if (name == type.name) return types_[name] = note(builder_.integer(name, type.size, type.encoding), type.size, type.size);
    }
    return 0;
}

uint32_t BtfText::aggregate(const std::string& keyword, const std::string& name) {
    const std::string key = keyword + " " + name;
    if (const auto it = types_.find(key); it != types_.end()) return it->second;
    uint32_t id = 0;
    if (keyword == "enum") {
        id = note(builder_.enumeration(name, 4, {{name + "_zero", 0}}), 4, 4);
    } else if (name == "bpf_spin_lock") {
        const uint32_t word = base_type("u32");
        id = note(builder_.structure(name, 4, {{"val", word, 0}}), 4, 4);
    } else if (name == "bpf_timer" || name == "bpf_wq") {
        const uint32_t word = base_type("u64");
        id = note(builder_.structure(name, 16, {{"__opaque", word, 0}, {"__opaque2", word, 64}}), 16, 8);
    } else {
        id = note(builder_.structure(name, 0, {}, keyword == "union" ? uint32_t{BTF_KIND_UNION} : uint32_t{BTF_KIND_STRUCT}), 0, 1);
    }
    names_[name] = id;
    return types_[key] = id;
}

// id stays 0 for void.
bool BtfText::parse_type(Words& words, uint32_t& id) {
    const bool constant = words.accept("const");
    const std::string word = words.take();
    id = 0;
    if (word == "struct" || word == "union" || word == "enum") {
        id = aggregate(word, words.take());
    } else if (word == "unsigned") {
        id = base_type("unsigned " + words.take());
        if (id == 0) return false;
    } else if (word != "void") {
        id = base_type(word);
        if (id == 0) return false;
    }
    if (constant || words.accept("const")) {
        const std::string key = "const " + std::to_string(id);
        if (!types_.contains(key)) types_[key] = note(builder_.reference(BTF_KIND_CONST, id), known_[id].size, known_[id].align);
        id = types_[key];
    }
    while (words.accept("*")) {
        const std::string key = "*" + std::to_string(id);
        if (!types_.contains(key)) types_[key] = note(builder_.pointer(id), 8, 8);
        id = types_[key];
    }
    return true;
}

uint32_t BtfText::type_id(std::string_view text) {
    Words words(text);
    uint32_t id = 0;
    return parse_type(words, id) && words.peek().empty() ? id : 0;
}

uint32_t BtfText::named(std::string_view name) const {
    const auto it = names_.find(name);
    return it == names_.end() ? 0 : it->second;
}

uint32_t BtfText::size_of(uint32_t id) const {
    const auto it = known_.find(id);
    return it == known_.end() ? 0 : it->second.size;
}

bool BtfText::declare_struct(std::string_view text) {
    Words words(text);
    if (!words.accept("struct")) return false;
    const std::string name = words.take();
    if (!words.accept("{")) return false;
    struct Member {
        std::string name;
        uint32_t type, bits;
    };
    std::vector<Member> members;
    uint32_t size = 0, align = 1;
    while (!words.accept("}")) {
        uint32_t type = 0;
        if (!parse_type(words, type) || type == 0) return false;
        const std::string member = words.take();
        if (words.accept("[")) {
            const auto count = static_cast<uint32_t>(std::strtoul(words.take().c_str(), nullptr, 0));
            const Known element = known_[type];
            type = note(builder_.array(type, base_type("int"), count), element.size * count, element.align);
            if (!words.accept("]")) return false;
        }
        if (!words.accept(";")) return false;
        const Known known = known_[type];
        size = (size + known.align - 1) / known.align * known.align;
        members.push_back({member, type, size * 8});
        size += known.size;
        align = std::max(align, known.align);
    }
    size = (size + align - 1) / align * align;
    std::vector<BtfBuilder::Member> written;
    for (const Member& member : members) written.push_back({member.name, member.type, member.bits});
    const uint32_t id = note(builder_.structure(name, size, written), size, align);
    names_[name] = id;
    types_["struct " + name] = id;
    return true;
}

uint32_t BtfText::declare_function(std::string_view text) {
    Words words(text);
    uint32_t linkage = BTF_FUNC_GLOBAL;
    if (words.accept("static")) {
        linkage = BTF_FUNC_STATIC;
    } else if (words.accept("extern")) {
        linkage = BTF_FUNC_EXTERN;
    } else {
        (void)words.accept("global");
    }
    uint32_t returns = 0;
    if (!parse_type(words, returns)) return 0;
    const std::string name = words.take();
    if (!words.accept("(")) return 0;
    struct Param {
        std::string name;
        uint32_t type;
    };
    std::vector<Param> params;
    std::vector<std::pair<std::string, int32_t>> tags;
    if (words.peek() == "void" && words.next + 1 < words.all.size() && words.all[words.next + 1] == ")") (void)words.take();
    while (!words.accept(")")) {
        uint32_t type = 0;
        if (!parse_type(words, type)) return 0;
        std::string param;
        while (!words.peek().empty() && words.peek() != "," && words.peek() != ")") {
            const std::string word = words.take();
            if (word.starts_with("__arg_")) {
                tags.emplace_back("arg:" + word.substr(6), static_cast<int32_t>(params.size()));
            } else {
                param = word;
            }
        }
        params.push_back({param, type});
        if (!words.accept(",") && words.peek() != ")") return 0;
    }
    std::vector<BtfBuilder::Param> written;
    for (const Param& param : params) written.push_back({param.name, param.type});
    const uint32_t proto = builder_.func_proto(returns, written);
    const uint32_t id = builder_.func(name, proto, linkage);
    for (const auto& [tag, index] : tags) builder_.decl_tag(tag, id, index);
    names_[name] = id;
    return id;
}

}  // namespace graft::test
