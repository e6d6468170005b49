#include "helper/format.h"

#include <fmt/format.h>  // format_to a plain pointer is not in core.h

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "helper/checked_read.h"

namespace graft {
namespace {

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_printable(char c) { return c >= ' ' && c <= '~'; }
bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Where a %s or %p may end: the end, white space or punctuation.
bool ends_word(char c) { return c == '\0' || is_space(c) || (is_printable(c) && !is_alphanumeric(c)); }

enum class Kind : uint8_t { signed_number, unsigned_number, hex, upper_hex, character, string, user_string, pointer, symbol, ip };

struct Conversion {
    Kind kind = Kind::signed_number;
    bool wide = false;  // 64 bits
    bool left = false, plus = false, space = false, zero = false;
    uint32_t width = 0;         // 0: none
    bool padded_bytes = false;  // %pi4, %pi6
    bool ipv6 = false;
};

// Reads what stands behind a '%'.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    [[nodiscard]] std::optional<Conversion> parse() {
        Conversion conversion;
        parse_flags(conversion);
        switch (peek()) {
            case 'p':
                ++at_;
                return parse_pointer(conversion) ? std::optional(conversion) : std::nullopt;
            case 's':
                ++at_;
                conversion.kind = Kind::string;
                return ends_word(peek()) ? std::optional(conversion) : std::nullopt;
            case 'c':
                ++at_;
                conversion.kind = Kind::character;
                return conversion;
            default:
                return parse_number(conversion) ? std::optional(conversion) : std::nullopt;
        }
    }
    [[nodiscard]] size_t consumed() const { return at_; }

private:
    [[nodiscard]] char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

    void parse_flags(Conversion& conversion) {
        for (;; ++at_) {
            switch (peek()) {
                case '-':
                    conversion.left = true;
                    continue;
                case '+':
                    conversion.plus = true;
                    continue;
                case ' ':
                    conversion.space = true;
                    continue;
                case '0':
                    conversion.zero = true;
                    continue;
                default:
                    break;
            }
            break;
        }
        constexpr uint32_t widest = (1U << 23) - 1;
        for (; peek() >= '0' && peek() <= '9'; ++at_)
            conversion.width = std::min(widest, conversion.width * 10 + static_cast<uint32_t>(peek() - '0'));
    }

    bool parse_pointer(Conversion& conversion) {
        conversion.kind = Kind::pointer;
        if ((peek() == 'k' || peek() == 'u') && peek(1) == 's') {
            conversion.kind = peek() == 'k' ? Kind::string : Kind::user_string;
            at_ += 2;
            return ends_word(peek());
        }
        if (ends_word(peek())) return true;
        switch (peek()) {
            case 'x':
            case 'K':
                ++at_;
                return true;
            case 's':
            case 'S':
            case 'B':
                ++at_;
                conversion.kind = Kind::symbol;
                return true;
            case 'i':
                conversion.padded_bytes = true;
                break;
            case 'I':
                break;
            default:
                return false;
        }
        if (peek(1) != '4' && peek(1) != '6') return false;
        conversion.ipv6 = peek(1) == '6';
        conversion.kind = Kind::ip;
        at_ += 2;
        return true;
    }

    bool parse_number(Conversion& conversion) {
        for (int i = 0; i < 2 && peek() == 'l'; ++i, ++at_) conversion.wide = true;
        switch (peek()) {
            case 'd':
            case 'i':
                conversion.kind = Kind::signed_number;
                break;
            case 'u':
                conversion.kind = Kind::unsigned_number;
                break;
            case 'x':
                conversion.kind = Kind::hex;
                break;
            case 'X':
                conversion.kind = Kind::upper_hex;
                break;
            default:
                return false;
        }
        ++at_;
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
};

// Keeps what fits and counts all.
class Writer {
public:
    explicit Writer(MutableBytes to) : to_(to) {}
    void put(std::string_view text) {
        const auto fits = std::as_bytes(std::span(text)).first(std::min(text.size(), rest().size()));
        std::ranges::copy(fits, rest().begin());
        length_ += text.size();
    }
    void fill(char c, size_t count) {
        std::ranges::fill(rest().first(std::min(count, rest().size())), static_cast<std::byte>(c));
        length_ += count;
    }
    [[nodiscard]] int64_t finish() {
        if (!to_.empty()) to_[std::min(length_, to_.size() - 1)] = std::byte{0};
        return static_cast<int64_t>(length_);
    }

private:
    [[nodiscard]] MutableBytes rest() const { return to_.subspan(std::min(length_, to_.size())); }

    MutableBytes to_;
    size_t length_ = 0;
};

void put_padded(Writer& writer, const Conversion& conversion, std::string_view sign, std::string_view digits, bool zero_allowed) {
    const size_t length = sign.size() + digits.size(), padding = conversion.width > length ? conversion.width - length : 0;
    const bool zeros = conversion.zero && zero_allowed && !conversion.left;
    if (!conversion.left && !zeros) writer.fill(' ', padding);
    writer.put(sign);
    if (zeros) writer.fill('0', padding);
    writer.put(digits);
    if (conversion.left) writer.fill(' ', padding);
}

void put_number(Writer& writer, const Conversion& conversion, uint64_t argument) {
    std::array<char, 24> digits;
    const auto put = [&](std::string_view sign, const char* end) {
        put_padded(writer, conversion, sign, {digits.data(), static_cast<size_t>(end - digits.data())}, true);
    };
    const uint64_t value = conversion.wide ? argument : static_cast<uint32_t>(argument);
    switch (conversion.kind) {
        case Kind::signed_number: {
            const auto number = conversion.wide ? static_cast<int64_t>(argument) : static_cast<int32_t>(argument);
            const uint64_t magnitude = number < 0 ? -static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
            const std::string_view sign = number < 0 ? "-" : conversion.plus ? "+" : conversion.space ? " " : "";
            put(sign, fmt::format_to(digits.data(), "{}", magnitude));
            return;
        }
        case Kind::hex:
            put({}, fmt::format_to(digits.data(), "{:x}", value));
            return;
        case Kind::upper_hex:
            put({}, fmt::format_to(digits.data(), "{:X}", value));
            return;
        default:
            put({}, fmt::format_to(digits.data(), "{}", value));
            return;
    }
}

void put_pointer(Writer& writer, const Conversion& conversion, uint64_t argument) {
    std::array<char, 24> digits;
    const char* end = nullptr;
    if (conversion.kind == Kind::symbol) {
        end = fmt::format_to(digits.data(), "0x{:x}", argument);
    } else {
        end = conversion.width == 0 ? fmt::format_to(digits.data(), "{:016x}", argument) : fmt::format_to(digits.data(), "{:x}", argument);
    }
    put_padded(writer, conversion, {}, {digits.data(), static_cast<size_t>(end - digits.data())}, conversion.kind == Kind::pointer);
}

void put_string(Writer& writer, const Conversion& conversion, uint64_t argument) {
    std::array<std::byte, 512> text;
    // A string that cannot be read is an empty one, as is one of a client's: its memory is not here.
    const int64_t size = conversion.kind == Kind::user_string ? -EFAULT : checked_read_string(argument, text);
    const size_t length = size > 0 ? static_cast<size_t>(size) - 1 : 0;
    put_padded(writer, conversion, {}, {reinterpret_cast<const char*>(text.data()), length}, false);
}

void put_ip(Writer& writer, const Conversion& conversion, uint64_t argument) {
    std::array<uint8_t, 16> address{};
    const size_t size = conversion.ipv6 ? 16 : 4;
    if (!checked_read(argument, std::as_writable_bytes(std::span(address)).first(size))) address = {};
    std::array<char, 48> text;
    char* end = text.data();
    for (size_t i = 0; i < size; ++i) {
        if (!conversion.ipv6) {
            if (i > 0) *end++ = '.';
            end = conversion.padded_bytes ? fmt::format_to(end, "{:03}", address[i]) : fmt::format_to(end, "{}", address[i]);
        } else {
            if (i > 0 && i % 2 == 0 && !conversion.padded_bytes) *end++ = ':';
            end = fmt::format_to(end, "{:02x}", address[i]);
        }
    }
    put_padded(writer, conversion, {}, {text.data(), static_cast<size_t>(end - text.data())}, false);
}

void put_argument(Writer& writer, const Conversion& conversion, uint64_t argument) {
    switch (conversion.kind) {
        case Kind::pointer:
        case Kind::symbol:
            return put_pointer(writer, conversion, argument);
        case Kind::string:
        case Kind::user_string:
            return put_string(writer, conversion, argument);
        case Kind::ip:
            return put_ip(writer, conversion, argument);
        case Kind::character: {
            const char c = static_cast<char>(argument);
            return put_padded(writer, conversion, {}, {&c, 1}, false);
        }
        default:
            return put_number(writer, conversion, argument);
    }
}

// Calls `text(part)` and `convert(conversion)` in turn; false: malformed.
template <class Text, class Convert>
bool walk(std::string_view format, size_t arguments, Text&& text, Convert&& convert) {
    for (size_t at = 0; at < format.size();) {
        const char c = format[at];
        if (is_ascii(c) && !is_printable(c) && !is_space(c)) return false;
        if (c != '%' || format.substr(at, 2) == "%%") {
            text(format.substr(at, 1));
            at += c == '%' ? 2 : 1;
            continue;
        }
        if (arguments-- == 0) return false;
        Parser parser(format.substr(at + 1));
        const std::optional<Conversion> conversion = parser.parse();
        if (!conversion) return false;
        convert(*conversion);
        at += 1 + parser.consumed();
    }
    return true;
}

}  // namespace

bool is_valid_format(std::string_view format, size_t arguments) {
    return walk(format, arguments, [](std::string_view) {}, [](const Conversion&) {});
}

int64_t format_text(MutableBytes to, std::string_view format, std::span<const uint64_t> arguments) {
    if (!is_valid_format(format, arguments.size())) return -EINVAL;
    Writer writer(to);
    size_t next = 0;
    (void)walk(
        format, arguments.size(), [&](std::string_view part) { writer.put(part); },
        [&](const Conversion& conversion) { put_argument(writer, conversion, arguments[next++]); });
    return writer.finish();
}

}  // namespace graft
