#include "btf/check_meta.h"

#include <algorithm>
#include <bit>

namespace graft {
namespace {

// Linux's character classes are Latin-1's, whatever the locale.
bool is_letter(char character) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0xc0) return byte != 0xd7 && byte != 0xf7;
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool is_name_start(char character) { return is_letter(character) || character == '_' || character == '.'; }

bool is_name_part(char character) { return is_name_start(character) || (character >= '0' && character <= '9'); }

bool is_printable(char character) {
    const auto byte = static_cast<unsigned char>(character);
    return (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0;
}

// The checks of one type, in the order in which Linux makes them: the first failure decides the message.
class MetaCheck {
public:
    MetaCheck(const BtfType& type, uint32_t left, CheckLog& log) : type_(type), left_(left), log_(log) {}

    Result<uint32_t> run() {
        switch (type_.kind()) {
            case BTF_KIND_INT:
                return check_int();
            case BTF_KIND_ARRAY:
                return check_array();
            case BTF_KIND_STRUCT:
            case BTF_KIND_UNION:
                return check_struct();
            case BTF_KIND_ENUM:
            case BTF_KIND_ENUM64:
                return check_enum();
            case BTF_KIND_FWD:
                return check_fwd();
            case BTF_KIND_FUNC:
                return check_func();
            case BTF_KIND_FUNC_PROTO:
                return check_func_proto();
            case BTF_KIND_VAR:
                return check_var();
            case BTF_KIND_DATASEC:
                return check_datasec();
            case BTF_KIND_FLOAT:
                return check_float();
            case BTF_KIND_DECL_TAG:
                return check_decl_tag();
            default:
                return check_reference();
        }
    }

private:
    Error reject(const char* problem, int code = EINVAL) {
        log_.type(type_, problem);
        return fail(code, problem);
    }
    Error reject_member(const btf_member& member, const char* problem) {
        log_.member(type_, member, problem);
        return fail(EINVAL, problem);
    }
    Error reject_variable(const btf_var_secinfo& variable, const char* problem) {
        log_.variable(type_, variable, problem);
        return fail(EINVAL, problem);
    }

    Result<void> require_bytes(size_t needed) {
        if (left_ >= needed) return {};
        if (log_.log().enabled()) log_.bare_type(type_, fmt::format("meta_left:{} meta_needed:{}", left_, needed));
        return fail(EINVAL, "the BTF type reaches beyond the type section");
    }
    Result<void> require_no_vlen() {
        if (type_.vlen() != 0) return reject("vlen != 0");
        return {};
    }
    Result<void> require_no_kflag() {
        if (type_.kflag()) return reject("Invalid btf_info kind_flag");
        return {};
    }
    Result<void> require_no_name() {
        if (type_.name_off() != 0) return reject("Invalid name");
        return {};
    }
    Result<void> require_identifier() {
        if (!is_identifier(type_.name())) return reject("Invalid name");
        return {};
    }
    Result<void> require_identifier_or_no_name() {
        if (type_.name_off() != 0) TRY(require_identifier());
        return {};
    }
    static bool is_type_id(uint32_t id) { return id <= Btf::max_types; }
    static bool is_nonvoid_type_id(uint32_t id) { return id != 0 && is_type_id(id); }

    uint32_t accept(size_t bytes) {
        log_.type(type_);
        return static_cast<uint32_t>(bytes);
    }

    Result<uint32_t> check_int() {
        TRY(require_bytes(sizeof(uint32_t)));
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        constexpr uint32_t known = 0x0fffffff;
        if ((type_.int_data() & ~known) != 0) {
            if (log_.log().enabled()) log_.bare_type(type_, fmt::format("Invalid int_data:{:x}", type_.int_data()));
            return fail(EINVAL, "BTF INT has unknown bits");
        }
        const uint32_t bits = type_.int_bits() + type_.int_offset();
        if (bits > 128) return reject("nr_bits exceeds 128");
        if ((bits + 7) / 8 > type_.size()) return reject("nr_bits exceeds type_size");
        const uint32_t encoding = type_.int_encoding();
        if (encoding != 0 && encoding != BTF_INT_SIGNED && encoding != BTF_INT_CHAR && encoding != BTF_INT_BOOL) {
            return reject("Unsupported encoding", abi::enotsupp);
        }
        return accept(sizeof(uint32_t));
    }

    // PTR and the modifiers.
    Result<uint32_t> check_reference() {
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        if (!is_type_id(type_.type())) return reject("Invalid type_id");
        if (type_.is(BTF_KIND_TYPEDEF)) {
            TRY(require_identifier());
        } else if (type_.is(BTF_KIND_TYPE_TAG)) {
            if (type_.name().empty()) return reject("Invalid name");
        } else {
            TRY(require_no_name());
        }
        return accept(0);
    }

    Result<uint32_t> check_array() {
        TRY(require_bytes(sizeof(btf_array)));
        TRY(require_no_name());
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        if (type_.size() != 0) return reject("size != 0");
        if (!is_nonvoid_type_id(type_.array().type)) return reject("Invalid elem");
        if (!is_nonvoid_type_id(type_.array().index_type)) return reject("Invalid index");
        return accept(sizeof(btf_array));
    }

    Result<uint32_t> check_struct() {
        const size_t bytes = type_.vlen() * sizeof(btf_member);
        TRY(require_bytes(bytes));
        TRY(require_identifier_or_no_name());
        accept(bytes);
        uint32_t last_offset = 0;
        for (const btf_member& member : type_.members()) {
            TRY(check_member(member, last_offset));
            last_offset = bit_offset(member);
            log_.member(type_, member);
        }
        return static_cast<uint32_t>(bytes);
    }

    [[nodiscard]] uint32_t bit_offset(const btf_member& member) const {
        return type_.kflag() ? BTF_MEMBER_BIT_OFFSET(member.offset) : member.offset;
    }

    Result<void> check_member(const btf_member& member, uint32_t last_offset) {
        const auto name = type_.btf().find_name(member.name_off);
        if (!name) {
            if (log_.log().enabled()) log_.member(type_, member, fmt::format("Invalid member name_offset:{}", member.name_off));
            return fail(EINVAL, "a BTF member's name lies outside the strings");
        }
        if (member.name_off != 0 && !is_identifier(*name)) return reject_member(member, "Invalid name");
        if (!is_nonvoid_type_id(member.type)) return reject_member(member, "Invalid type_id");
        const uint32_t offset = bit_offset(member);
        if (type_.is(BTF_KIND_UNION) && offset != 0) return reject_member(member, "Invalid member bits_offset");
        if (offset < last_offset) return reject_member(member, "Invalid member bits_offset");
        // At the end is inside: the last member may be an array of no elements.
        if ((uint64_t{offset} + 7) / 8 > type_.size()) return reject_member(member, "Member bits_offset exceeds its struct size");
        return {};
    }

    Result<uint32_t> check_enum() {
        const bool wide = type_.is(BTF_KIND_ENUM64);
        const size_t bytes = type_.vlen() * (wide ? sizeof(btf_enum64) : sizeof(btf_enum));
        TRY(require_bytes(bytes));
        if (type_.size() > 8 || !std::has_single_bit(type_.size())) return reject("Unexpected size");
        TRY(require_identifier_or_no_name());
        accept(bytes);
        if (wide) {
            for (const btf_enum64& entry : type_.enums64()) {
                TRY(check_enumerator(entry.name_off, uint64_t{entry.val_hi32} << 32 | entry.val_lo32));
            }
        } else {
            for (const btf_enum& entry : type_.enums()) {
                const auto value = static_cast<uint32_t>(entry.val);
                TRY(check_enumerator(entry.name_off, type_.kflag() ? static_cast<uint64_t>(int64_t{entry.val}) : value));
            }
        }
        return static_cast<uint32_t>(bytes);
    }

    Result<void> check_enumerator(uint32_t name_off, uint64_t value) {
        const auto name = type_.btf().find_name(name_off);
        if (!name) {
            log_.log().print("\tInvalid name_offset:{}", name_off);
            return fail(EINVAL, "a BTF enumerator's name lies outside the strings");
        }
        if (!is_identifier(*name)) return reject("Invalid name");
        log_.enumerator(type_, name_off, value);
        return {};
    }

    Result<uint32_t> check_fwd() {
        TRY(require_no_vlen());
        if (type_.type() != 0) return reject("type != 0");
        TRY(require_identifier());
        return accept(0);
    }

    Result<uint32_t> check_func() {
        TRY(require_identifier());
        if (type_.func_linkage() > BTF_FUNC_GLOBAL) return reject("Invalid func linkage");
        TRY(require_no_kflag());
        return accept(0);
    }

    Result<uint32_t> check_func_proto() {
        const size_t bytes = type_.vlen() * sizeof(btf_param);
        TRY(require_bytes(bytes));
        TRY(require_no_name());
        TRY(require_no_kflag());
        return accept(bytes);
    }

    Result<uint32_t> check_var() {
        TRY(require_bytes(sizeof(btf_var)));
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        TRY(require_identifier());
        if (!is_nonvoid_type_id(type_.type())) return reject("Invalid type_id");
        const uint32_t linkage = type_.var_linkage();
        if (linkage != BTF_VAR_STATIC && linkage != BTF_VAR_GLOBAL_ALLOCATED) return reject("Linkage not supported");
        return accept(sizeof(btf_var));
    }

    Result<uint32_t> check_datasec() {
        const size_t bytes = type_.vlen() * sizeof(btf_var_secinfo);
        TRY(require_bytes(bytes));
        if (type_.size() == 0) return reject("size == 0");
        TRY(require_no_kflag());
        if (!is_section_name(type_.name())) return reject("Invalid name");
        accept(bytes);
        uint32_t end = 0;  // of 32 bits as in Linux: a variable may end beyond 4 GB, and nothing says so
        uint64_t sum = 0;
        for (const btf_var_secinfo& variable : type_.variables()) {
            if (!is_nonvoid_type_id(variable.type)) return reject_variable(variable, "Invalid type_id");
            if (variable.offset < end || variable.offset >= type_.size()) return reject_variable(variable, "Invalid offset");
            if (variable.size == 0 || variable.size > type_.size()) return reject_variable(variable, "Invalid size");
            end = variable.offset + variable.size;
            if (end > type_.size()) return reject_variable(variable, "Invalid offset+size");
            log_.variable(type_, variable);
            sum += variable.size;
        }
        if (type_.size() < sum) return reject("Invalid btf_info size");
        return static_cast<uint32_t>(bytes);
    }

    Result<uint32_t> check_float() {
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        switch (type_.size()) {
            case 2:
            case 4:
            case 8:
            case 12:
            case 16:
                return accept(0);
            default:
                return reject("Invalid type_size");
        }
    }

    Result<uint32_t> check_decl_tag() {
        TRY(require_bytes(sizeof(btf_decl_tag)));
        if (type_.name().empty()) return reject("Invalid value");
        TRY(require_no_vlen());
        TRY(require_no_kflag());
        if (type_.component_idx() < -1) return reject("Invalid component_idx");
        return accept(sizeof(btf_decl_tag));
    }

    const BtfType& type_;
    uint32_t left_;
    CheckLog& log_;
};

}  // namespace

bool is_identifier(std::string_view name) {
    return !name.empty() && name.size() <= Btf::max_identifier && is_name_start(name[0]) && std::ranges::all_of(name, is_name_part);
}

bool is_section_name(std::string_view name) {
    return !name.empty() && name.size() <= Btf::max_identifier && std::ranges::all_of(name, is_printable);
}

Result<uint32_t> check_meta(const BtfType& type, uint32_t left, CheckLog& log) { return MetaCheck(type, left, log).run(); }

}  // namespace graft
