// Helpers that print, parse and compare text.

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/format.h"
#include "helper/run_context.h"
#include "helper/trace_buffer.h"

namespace graft {
namespace {

constexpr size_t most_arguments = 12;
constexpr size_t trace_line = 1024;

// --- printing
// -------------------------------------------------------------------------------------------------------------------------------

using Arguments = std::array<uint64_t, most_arguments>;

// The 8-byte arguments that lie at `data`, or nothing: not whole ones, too many, or none where some should be.
std::optional<std::span<const uint64_t>> arguments_at(uint64_t data, uint32_t size, Arguments& into) {
    if (size % 8 != 0 || size > sizeof into || (size != 0 && data == 0)) return std::nullopt;
    if (size != 0) std::memcpy(into.data(), pointer_in<const void>(data), size);
    return std::span<const uint64_t>(into).first(size / 8);
}

uint64_t snprintf(uint64_t to, uint64_t size, uint64_t format, uint64_t data, uint64_t data_size) {
    Arguments storage;
    const auto arguments = arguments_at(data, static_cast<uint32_t>(data_size), storage);
    if (!arguments) return answer(-EINVAL);
    const MutableBytes into(pointer_in<std::byte>(to), to == 0 ? 0 : static_cast<uint32_t>(size));
    const int64_t length = format_text(into, pointer_in<const char>(format), *arguments);
    return answer(length < 0 ? length : length + 1);
}

uint64_t trace(uint64_t format, uint64_t size, std::span<const uint64_t> arguments) {
    const auto* const text = pointer_in<const char>(format);
    const size_t length = strnlen(text, static_cast<uint32_t>(size));
    if (length == static_cast<uint32_t>(size)) return answer(-EINVAL);  // no NUL
    std::array<std::byte, trace_line> line;
    const int64_t printed = format_text(line, {text, length}, arguments);
    if (printed < 0) return answer(printed);
    const RunContext& run = *current_run();
    const size_t kept = std::min(static_cast<size_t>(printed), line.size() - 1);
    if (run.trace != nullptr) run.trace->write(run.cpu, {reinterpret_cast<const char*>(line.data()), kept});
    return answer(printed);
}

uint64_t trace_printk(uint64_t format, uint64_t size, uint64_t a, uint64_t b, uint64_t c) {
    return trace(format, size, std::array{a, b, c});
}

uint64_t trace_vprintk(uint64_t format, uint64_t size, uint64_t data, uint64_t data_size, uint64_t) {
    Arguments storage;
    const auto arguments = arguments_at(data, static_cast<uint32_t>(data_size), storage);
    return arguments ? trace(format, size, *arguments) : answer(-EINVAL);
}

// --- numbers
// --------------------------------------------------------------------------------------------------------------------------------

struct Parsed {
    int64_t consumed = 0;  // bytes, or -errno
    uint64_t magnitude = 0;
    bool negative = false;
};

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

bool has_hex_prefix(std::string_view text) { return text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'); }

// White space, a minus sign, then digits; base 0: as C writes numbers.
Parsed parse(std::string_view text, uint64_t flags) {
    uint64_t base = flags;
    if (base != 0 && base != 8 && base != 10 && base != 16) return {.consumed = -EINVAL};
    constexpr size_t longest = 63;  // of which digits are looked at
    const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    Parsed parsed;
    size_t at = 0;
    while (at < text.size() && is_space(text[at])) ++at;
    if (at < text.size() && text[at] == '-') {
        parsed.negative = true;
        ++at;
    }
    std::string_view digits = text.substr(at, longest);
    digits = digits.substr(0, digits.find('\0'));
    if (base == 0) {
        const bool hex = has_hex_prefix(digits) && digits.size() > 2 && digit_of(digits[2]) < 16;
        base = hex ? 16 : digits.starts_with('0') ? 8 : 10;
    }
    size_t i = base == 16 && has_hex_prefix(digits) ? 2 : 0;
    const size_t first = i;
    bool overflow = false;
    for (; i < digits.size() && static_cast<uint64_t>(digit_of(digits[i])) < base; ++i) {
        const auto digit = static_cast<uint64_t>(digit_of(digits[i]));
        overflow |= parsed.magnitude > (UINT64_MAX - digit) / base;
        parsed.magnitude = parsed.magnitude * base + digit;
    }
    parsed.consumed = overflow ? -ERANGE : i == first ? -EINVAL : static_cast<int64_t>(at + i);
    return parsed;
}

uint64_t strtol(uint64_t text, uint64_t size, uint64_t flags, uint64_t result, uint64_t) {
    auto& number = *pointer_in<int64_t>(result);
    number = 0;
    const Parsed parsed = parse({pointer_in<const char>(text), static_cast<uint32_t>(size)}, flags);
    if (parsed.consumed < 0) return answer(parsed.consumed);
    constexpr uint64_t limit = uint64_t{1} << 63;
    if (parsed.magnitude > (parsed.negative ? limit : limit - 1)) return answer(-ERANGE);
    number = static_cast<int64_t>(parsed.negative ? -parsed.magnitude : parsed.magnitude);
    return answer(parsed.consumed);
}

uint64_t strtoul(uint64_t text, uint64_t size, uint64_t flags, uint64_t result, uint64_t) {
    auto& number = *pointer_in<uint64_t>(result);
    number = 0;
    const Parsed parsed = parse({pointer_in<const char>(text), static_cast<uint32_t>(size)}, flags);
    if (parsed.consumed < 0) return answer(parsed.consumed);
    if (parsed.negative) return answer(-EINVAL);
    number = parsed.magnitude;
    return answer(parsed.consumed);
}

uint64_t strncmp(uint64_t a, uint64_t size, uint64_t b, uint64_t, uint64_t) {
    const int order = std::strncmp(pointer_in<const char>(a), pointer_in<const char>(b), static_cast<uint32_t>(size));
    return answer((order > 0) - (order < 0));
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_snprintf,
     .name = "bpf_snprintf",
     .function = snprintf,
     .args = {Arg::mem_read_or_null, Arg::const_size_or_zero, Arg::const_str, Arg::mem_read_or_null, Arg::const_size_or_zero},
     .gpl_only = true},
    {.id = BPF_FUNC_trace_printk,
     .name = "bpf_trace_printk",
     .function = trace_printk,
     .args = {Arg::mem_read, Arg::const_size},  // what r3 to r5 hold, initialised or not, only the format asks
     .gpl_only = true},
    {.id = BPF_FUNC_trace_vprintk,
     .name = "bpf_trace_vprintk",
     .function = trace_vprintk,
     .args = {Arg::mem_read, Arg::const_size, Arg::mem_read_or_null, Arg::const_size_or_zero},
     .gpl_only = true},
    {.id = BPF_FUNC_strtol,
     .name = "bpf_strtol",
     .function = strtol,
     .args = {Arg::mem_read, Arg::const_size, Arg::anything, Arg::long_ptr}},
    {.id = BPF_FUNC_strtoul,
     .name = "bpf_strtoul",
     .function = strtoul,
     .args = {Arg::mem_read, Arg::const_size, Arg::anything, Arg::long_ptr}},
    {.id = BPF_FUNC_strncmp, .name = "bpf_strncmp", .function = strncmp, .args = {Arg::mem_read, Arg::const_size, Arg::const_str}},
});

}  // namespace

std::span<const Helper> text_helpers() { return rows; }

}  // namespace graft
