#include "btf/parser.h"

#include <algorithm>
#include <array>

#include "btf/check_meta.h"
#include "btf/resolve.h"
#include "btf/special_fields.h"

namespace graft {

BtfParser::BtfParser(Log& log, Ref<const Btf> base) : log_(log), lines_(log), btf_(Ref<Btf>::adopt(new Btf)) {
    if (base) {
        btf_->first_id_ = base->count();
        btf_->first_string_ = base->first_string_ + static_cast<uint32_t>(base->strings_.size());
    }
    btf_->base_ = std::move(base);
}

Error BtfParser::reject(const char* problem, int code) {
    log_.print("{}", problem);
    return fail(code, problem);
}

Result<Ref<Btf>> BtfParser::parse(Bytes data) {
    if (data.size() > Btf::max_size) return fail(E2BIG, "the BTF is larger than 16 MB");
    TRY(read_header(data));
    TRY(check_sections());

    const size_t types_at = size_t{header_.hdr_len} + header_.type_off;
    btf_->padding_ = (0 - types_at) % alignof(btf_type);
    btf_->buffer_.resize(btf_->padding_ + data.size());
    std::ranges::copy(data, btf_->buffer_.begin() + static_cast<ptrdiff_t>(btf_->padding_));

    TRY(find_strings());
    TRY(find_types());
    lines_.types_were_listed();
    btf_->resolved_.resize(btf_->offsets_.size());
    TRY(resolve_types(*btf_, btf_->resolved_, lines_));
    TRY(check_type_tags(*btf_, log_));
    TRY(check_object_types(*btf_));
    return std::move(btf_);
}

Result<void> BtfParser::read_header(Bytes data) {
    const auto hdr_len = read_at<uint32_t>(data, offsetof(btf_header, hdr_len));
    if (!hdr_len) return reject("hdr_len not found");
    if (data.size() < *hdr_len) return reject("btf_header not found");
    if (*hdr_len > sizeof(header_)) {
        const Bytes unknown = data.first(*hdr_len).subspan(sizeof(header_));
        if (std::ranges::any_of(unknown, [](std::byte byte) { return byte != std::byte{0}; }))
            return reject("Unsupported btf_header", E2BIG);
    }
    // A short header's missing fields are 0, be it hdr_len itself.
    std::memcpy(&header_, data.data(), std::min<size_t>(*hdr_len, sizeof(header_)));

    log_.print("magic: {:#x}\nversion: {}\nflags: {:#x}\nhdr_len: {}\n", header_.magic, header_.version, header_.flags, header_.hdr_len);
    log_.print("type_off: {}\ntype_len: {}\nstr_off: {}\nstr_len: {}\nbtf_total_size: {}\n", header_.type_off, header_.type_len,
               header_.str_off, header_.str_len, data.size());

    if (header_.magic != BTF_MAGIC) return reject("Invalid magic");
    if (header_.version != BTF_VERSION) return reject("Unsupported version", abi::enotsupp);
    if (header_.flags != 0) return reject("Unsupported flags", abi::enotsupp);
    if (!btf_->base_ && data.size() == header_.hdr_len) return reject("No data");
    body_size_ = data.size() - header_.hdr_len;
    return {};
}

// The two sections, in whatever order, must be all that follows the header.
Result<void> BtfParser::check_sections() {
    struct Section {
        uint32_t offset, length;
    };
    std::array<Section, 2> sections{{{header_.type_off, header_.type_len}, {header_.str_off, header_.str_len}}};
    // Linux orders them by the sign of a 32-bit difference, so a section that is far out comes first and gets its own message.
    const auto distance = [](uint32_t from, uint32_t to) { return static_cast<int32_t>(to - from); };
    const int32_t by_offset = distance(sections[0].offset, sections[1].offset);
    if (by_offset < 0 || (by_offset == 0 && distance(sections[0].length, sections[1].length) < 0)) std::swap(sections[0], sections[1]);
    uint64_t end = 0;
    for (const Section& section : sections) {
        if (section.offset > body_size_) return reject("Invalid section offset");
        if (section.offset > end) return reject("Unsupported section found");
        if (section.offset < end) return reject("Section overlap found");
        if (section.length > body_size_ - end) return reject("Total section length too long");
        end += section.length;
    }
    if (end != body_size_) return reject("Unsupported section found");
    return {};
}

Result<void> BtfParser::find_strings() {
    if (size_t{header_.str_off} + header_.str_len != body_size_) return reject("String section is not at the end");
    const Bytes strings = btf_->raw().subspan(header_.hdr_len).subspan(header_.str_off, header_.str_len);
    if (btf_->base_ && strings.empty()) return {};
    if (strings.empty() || strings.size() - 1 > Btf::max_name_offset || strings.back() != std::byte{0} ||
        (!btf_->base_ && strings.front() != std::byte{0})) {
        return reject("Invalid string section");
    }
    btf_->strings_ = strings;
    return {};
}

// The first pass; afterwards every own type has its place in offsets_.
Result<void> BtfParser::find_types() {
    if (header_.type_off % alignof(btf_type) != 0) return reject("Unaligned type_off");
    if (!btf_->base_ && header_.type_len == 0) return reject("No type found");
    btf_->types_ = btf_->raw().subspan(header_.hdr_len).subspan(header_.type_off, header_.type_len);
    uint32_t offset = 0;
    while (offset < header_.type_len) {
        const uint32_t id = btf_->count();
        const uint32_t left = header_.type_len - offset;
        if (left < sizeof(btf_type)) {
            log_.print("[{}] meta_left:{} meta_needed:{}", id, left, sizeof(btf_type));
            return fail(EINVAL, "the BTF type reaches beyond the type section");
        }
        const BtfType type(*btf_, id, reinterpret_cast<const btf_type*>(btf_->types_.data() + offset));
        TRY(check_info(type));
        const uint32_t tail = TRY(check_meta(type, left - static_cast<uint32_t>(sizeof(btf_type)), lines_));
        if (id == Btf::max_types) return reject("Exceeded max num of types", E2BIG);
        btf_->offsets_.push_back(offset);
        offset += static_cast<uint32_t>(sizeof(btf_type)) + tail;
    }
    return {};
}

// What the first words of every kind must be.
Result<void> BtfParser::check_info(const BtfType& type) {
    constexpr uint32_t known = 0x9f00ffff;
    if ((type.info() & ~known) != 0) {
        log_.print("[{}] Invalid btf_info:{:x}", type.id(), type.info());
        return fail(EINVAL, "btf_info has unknown bits");
    }
    if (type.kind() == BTF_KIND_UNKN || type.kind() > BTF_KIND_MAX) {
        log_.print("[{}] Invalid kind:{}", type.id(), type.kind());
        return fail(EINVAL, "the BTF kind is unknown");
    }
    if (!btf_->find_name(type.name_off())) {
        log_.print("[{}] Invalid name_offset:{}", type.id(), type.name_off());
        return fail(EINVAL, "a BTF type's name lies outside the strings");
    }
    return {};
}

Result<Ref<Btf>> Btf::parse(Bytes data, Log& log, Ref<const Btf> base) { return BtfParser(log, std::move(base)).parse(data); }

}  // namespace graft
