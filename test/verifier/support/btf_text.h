// BTF from C declarations, as the *.test files carry them: prototypes of functions and small structs.
//
//     global int main(struct xdp_md *ctx)         static u64 f(const struct pair *p __arg_nonnull, int n)
//     struct pair { int a; u64 b[2]; struct bpf_spin_lock lock; }
//
// Types: void, char, bool, int, long, unsigned int, unsigned long, s8 .. s64, u8 .. u64, enum NAME (4 bytes), struct and union NAME with
// const, pointers and (members) one array dimension.  A struct that is not declared has no members.  `__arg_X` becomes the declaration tag
// "arg:X".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "btf/btf_builder.h"

namespace graft::test {

class BtfText {
public:
    // "struct NAME { ... }".  False: malformed.
    bool declare_struct(std::string_view text);
    // Returns the id of the FUNC; 0: malformed.
    uint32_t declare_function(std::string_view text);
    // The id of a type in words ("struct pair", "int"); 0: malformed.
    uint32_t type_id(std::string_view text);
    // The id of something declared by its bare name: a function or a struct; 0: none.
    [[nodiscard]] uint32_t named(std::string_view name) const;
    [[nodiscard]] uint32_t size_of(uint32_t id) const;

    uint32_t string(std::string_view text) { return builder_.string(text); }
    // Never without a type: such BTF is refused.
    [[nodiscard]] std::vector<std::byte> build() {
        (void)base_type("int");
        return builder_.build();
    }

private:
    struct Known {
        uint32_t size = 0, align = 1;
    };
    struct Words;
    bool parse_type(Words& words, uint32_t& id);
    uint32_t base_type(const std::string& name);
    uint32_t aggregate(const std::string& keyword, const std::string& name);
    uint32_t note(uint32_t id, uint32_t size, uint32_t align) {
        known_[id] = {size, align};
        return id;
    }

    BtfBuilder builder_;
    std::map<std::string, uint32_t, std::less<>> types_;  // "struct pair", "int", "*3", "const 3"
    std::map<std::string, uint32_t, std::less<>> names_;
    std::map<uint32_t, Known> known_;
};

}  // namespace graft::test
