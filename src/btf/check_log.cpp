#include "btf/check_log.h"

#include <utility>

namespace graft {
namespace {

// Linux formats a line piece by piece in a buffer of 1024 bytes; a longer piece loses its end.
std::string piece(std::string text) {
    constexpr size_t longest = 1023;
    if (text.size() > longest) text.resize(longest);
    return text;
}

std::string_view encoding_name(uint32_t encoding) {
    switch (encoding) {
        case 0:
            return "(none)";
        case BTF_INT_SIGNED:
            return "SIGNED";
        case BTF_INT_CHAR:
            return "CHAR";
        case BTF_INT_BOOL:
            return "BOOL";
        default:
            return "UNKN";
    }
}

std::string describe_func_proto(const BtfType& proto) {
    std::string text = fmt::format("return={} args=(", proto.type());
    const auto params = proto.params();
    if (params.empty()) text += "void";
    for (size_t i = 0; i < params.size(); ++i) {
        const char* comma = i == 0 ? "" : ", ";
        const bool variadic = i + 1 == params.size() && params[i].type == 0;
        text += variadic ? fmt::format("{}vararg", comma)
                         : piece(fmt::format("{}{} {}", comma, params[i].type, log_name(proto.btf(), params[i].name_off)));
    }
    return text + ")";
}

// The fields of a type, by kind.
std::string describe(const BtfType& type) {
    switch (type.kind()) {
        case BTF_KIND_INT:
            return fmt::format("size={} bits_offset={} nr_bits={} encoding={}", type.size(), type.int_offset(), type.int_bits(),
                               encoding_name(type.int_encoding()));
        case BTF_KIND_ARRAY:
            return fmt::format("type_id={} index_type_id={} nr_elems={}", type.array().type, type.array().index_type, type.array().nelems);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
        case BTF_KIND_DATASEC:
            return fmt::format("size={} vlen={}", type.size(), type.vlen());
        case BTF_KIND_FLOAT:
            return fmt::format("size={}", type.size());
        case BTF_KIND_FWD:
            return type.kflag() ? "union" : "struct";
        case BTF_KIND_FUNC_PROTO:
            return describe_func_proto(type);
        case BTF_KIND_VAR:
            return fmt::format("type_id={} linkage={}", type.type(), type.var_linkage());
        case BTF_KIND_DECL_TAG:
            return fmt::format("type={} component_idx={}", type.type(), type.component_idx());
        default:
            return fmt::format("type_id={}", type.type());
    }
}

std::string heading(const BtfType& type) {
    return piece(fmt::format("[{}] {} {} ", type.id(), kind_name(type.kind()), log_name(type.btf(), type.name_off())));
}

}  // namespace

std::string_view log_name(const Btf& btf, uint32_t name_off) {
    if (name_off == 0) return "(anon)";
    return btf.find_name(name_off).value_or("(invalid-name-offset)");
}

void CheckLog::line(std::string_view text, std::string_view problem) {
    if (problem.empty()) {
        log_.print("{}\n", text);
    } else {
        log_.print("{} {}\n", text, problem);
    }
}

void CheckLog::type(const BtfType& type, std::string_view problem) {
    if (log_.enabled()) line(heading(type) + describe(type), problem);
}

void CheckLog::bare_type(const BtfType& type, std::string_view problem) {
    if (log_.enabled()) log_.print("{}{}\n", heading(type), problem);
}

void CheckLog::member(const BtfType& of, const btf_member& member, std::string_view problem) {
    if (!log_.enabled()) return;
    if (listed_) type(of);
    std::string text = fmt::format("\t{} type_id={}", log_name(of.btf(), member.name_off), member.type);
    if (of.kflag()) {
        text +=
            fmt::format(" bitfield_size={} bits_offset={}", BTF_MEMBER_BITFIELD_SIZE(member.offset), BTF_MEMBER_BIT_OFFSET(member.offset));
    } else {
        text += fmt::format(" bits_offset={}", member.offset);
    }
    line(piece(std::move(text)), problem);
}

void CheckLog::variable(const BtfType& section, const btf_var_secinfo& variable, std::string_view problem) {
    if (!log_.enabled()) return;
    if (listed_) type(section);
    line(fmt::format("\t type_id={} offset={} size={}", variable.type, variable.offset, variable.size), problem);
}

void CheckLog::enumerator(const BtfType& type, uint32_t name_off, uint64_t value) {
    if (!log_.enabled()) return;
    const std::string_view name = log_name(type.btf(), name_off);
    if (type.kflag()) {
        log_.append(piece(fmt::format("\t{} val={}\n", name, static_cast<int64_t>(value))));
    } else {
        log_.append(piece(fmt::format("\t{} val={}\n", name, value)));
    }
}

}  // namespace graft
