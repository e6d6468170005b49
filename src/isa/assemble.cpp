#include "isa/assemble.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <map>
#include <span>

namespace graft {
namespace {

struct Spelling {
    std::string_view text;
    uint8_t code;
};

// Longer spellings first: the first that fits is taken.
constexpr Spelling alu_operators[] = {
    {"s>>=", BPF_ARSH}, {"<<=", BPF_LSH}, {">>=", BPF_RSH}, {"+=", BPF_ADD}, {"-=", BPF_SUB}, {"*=", BPF_MUL},
    {"/=", BPF_DIV},    {"|=", BPF_OR},   {"&=", BPF_AND},  {"^=", BPF_XOR}, {"%=", BPF_MOD},
};
constexpr Spelling signed_operators[] = {{"s/=", BPF_DIV}, {"s%=", BPF_MOD}};
constexpr Spelling conditions[] = {
    {"s>=", BPF_JSGE}, {"s<=", BPF_JSLE}, {"s>", BPF_JSGT}, {"s<", BPF_JSLT}, {"==", BPF_JEQ}, {"!=", BPF_JNE},
    {">=", BPF_JGE},   {"<=", BPF_JLE},   {">", BPF_JGT},   {"<", BPF_JLT},   {"&", BPF_JSET},
};
constexpr Spelling sizes[] = {{"u8", BPF_B}, {"u16", BPF_H}, {"u32", BPF_W}, {"u64", BPF_DW}};
constexpr Spelling signed_sizes[] = {{"s8", BPF_B}, {"s16", BPF_H}, {"s32", BPF_W}};
constexpr Spelling locked_operators[] = {{"+=", BPF_ADD}, {"|=", BPF_OR}, {"&=", BPF_AND}, {"^=", BPF_XOR}};
constexpr Spelling fetch_operators[] = {{"fetch_add", BPF_ADD}, {"fetch_or", BPF_OR}, {"fetch_and", BPF_AND}, {"fetch_xor", BPF_XOR}};

constexpr bool word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

struct Reg {
    uint8_t number = 0;
    bool is32 = false;
};

// Reads one line from left to right.  accept_* take nothing when what stands there is something else.
class Cursor {
public:
    explicit Cursor(std::string_view line) : rest_(line) {}

    bool at_end() {
        skip_space();
        return rest_.empty();
    }
    bool accept(std::string_view text) {
        skip_space();
        if (!rest_.starts_with(text)) return false;
        // A word ends where its letters end.
        if (word_char(text.back()) && rest_.size() > text.size() && word_char(rest_[text.size()])) return false;
        rest_.remove_prefix(text.size());
        return true;
    }
    std::optional<uint8_t> accept_one_of(std::span<const Spelling> spellings) {
        for (const Spelling& spelling : spellings) {
            if (accept(spelling.text)) return spelling.code;
        }
        return std::nullopt;
    }
    std::optional<std::string_view> accept_word() {
        skip_space();
        const size_t length = static_cast<size_t>(std::find_if_not(rest_.begin(), rest_.end(), word_char) - rest_.begin());
        if (length == 0 || (rest_[0] >= '0' && rest_[0] <= '9')) return std::nullopt;
        return take(length);
    }
    std::optional<Reg> accept_register() {
        const std::string_view before = rest_;
        const auto word = accept_word();
        unsigned number = 0;
        if (word && word->size() >= 2 && (word->front() == 'r' || word->front() == 'w')) {
            const auto [end, bad] = std::from_chars(word->data() + 1, word->data() + word->size(), number);
            if (bad == std::errc{} && end == word->data() + word->size() && number <= 15) {
                return Reg{static_cast<uint8_t>(number), word->front() == 'w'};
            }
        }
        rest_ = before;
        return std::nullopt;
    }
    // Decimal or 0x..., with or without a sign that may stand apart.
    std::optional<int64_t> accept_number() {
        const std::string_view before = rest_;
        (void)accept("+");
        const bool negative = accept("-");  // also after it: the log writes "r3 + -1"
        skip_space();
        const bool hex = rest_.starts_with("0x");
        const std::string_view digits = hex ? rest_.substr(2) : rest_;
        uint64_t value = 0;
        const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
        if (bad != std::errc{} || (end != digits.data() + digits.size() && word_char(*end))) {
            rest_ = before;
            return std::nullopt;
        }
        rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
        return static_cast<int64_t>(negative ? 0 - value : value);
    }
    std::optional<std::string_view> accept_until(char end) {
        const size_t length = rest_.find(end);
        if (length == std::string_view::npos) return std::nullopt;
        const std::string_view text = take(length);
        rest_.remove_prefix(1);
        return text;
    }

private:
    void skip_space() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
    }
    std::string_view take(size_t length) {
        const std::string_view text = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return text;
    }
    std::string_view rest_;
};

constexpr uint8_t code_of(unsigned a, unsigned b, unsigned c = 0) { return static_cast<uint8_t>(a | b | c); }

class Assembler {
public:
    Assembler(std::string_view text, const AssembleNames& names, Log& log) : text_(text), names_(names), log_(log) {}
    Result<Assembly> run();

private:
    enum class Target { off, imm, call };
    struct Fixup {
        uint32_t insn;
        uint32_t line;
        Target target;
        std::string label;
    };
    struct Memory {
        uint8_t size = 0;
        bool is_signed = false;
        uint8_t base = 0;
        int16_t off = 0;
    };

    // false: refused; error_ says why.
    bool line(std::string_view text);
    bool statement(Cursor& in);
    bool assignment(Cursor& in, Reg dst);
    bool load_wide(Cursor& in, Reg dst, bool& taken);
    bool atomic_value(Cursor& in, Reg dst, std::string_view word);
    bool skb_load(Cursor& in, uint8_t size);
    bool store(Cursor& in);
    bool locked(Cursor& in);
    bool conditional(Cursor& in);
    bool call(Cursor& in);
    bool raw(Cursor& in);
    bool jump(Cursor& in, bpf_insn insn, Target target);
    bool sized_pointer(Cursor& in, Memory& memory);
    bool base_and_offset(Cursor& in, Memory& memory);
    bool immediate(Cursor& in, int32_t& imm);
    bool resolve();

    void emit(bpf_insn insn) {
        out_.insns.push_back(insn);
        out_.lines.push_back(line_);
    }
    void emit(uint8_t code, unsigned dst = 0, unsigned src = 0, int16_t off = 0, int32_t imm = 0) {
        emit(bpf_insn{code, static_cast<uint8_t>(dst & 0xf), static_cast<uint8_t>(src & 0xf), off, imm});
    }
    void emit_wide(unsigned dst, unsigned src, int32_t low, int32_t high) {
        emit(code_of(BPF_LD, BPF_DW, BPF_IMM), dst, src, 0, low);
        emit(0, 0, 0, 0, high);
    }
    bool wrong(const char* why) {
        error_ = why;
        return false;
    }
    [[nodiscard]] uint32_t here() const { return static_cast<uint32_t>(out_.insns.size()); }

    std::string_view text_;
    const AssembleNames& names_;
    Log& log_;
    Assembly out_;
    std::vector<Fixup> fixups_;
    std::map<std::string, uint32_t, std::less<>> labels_;
    uint32_t line_ = 0;
    std::string error_;
};

Result<Assembly> Assembler::run() {
    bool good = true;
    for (size_t start = 0; good && start <= text_.size();) {
        const size_t end = std::min(text_.find('\n', start), text_.size());
        ++line_;
        good = line(text_.substr(start, end - start));
        start = end + 1;
    }
    if (good) good = resolve();
    if (good) return std::move(out_);
    log_.print("line {}: {}\n", line_, error_);
    return fail(EINVAL, "the assembly is malformed");
}

bool Assembler::line(std::string_view text) {
    text = text.substr(0, text.find(';'));
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    Cursor in(text);
    if (in.at_end()) return true;
    if (text.ends_with(':')) {
        std::string_view declaration = text.substr(text.find_first_not_of(" \t"));
        declaration.remove_suffix(1);
        const size_t parenthesis = declaration.find('(');
        std::string_view name = declaration.substr(0, parenthesis);
        if (parenthesis != std::string_view::npos) name = name.substr(name.find_last_of(" *") + 1);
        if (name.empty() || !std::all_of(name.begin(), name.end(), word_char)) return wrong("no name for a label");
        if (!labels_.emplace(name, here()).second) return wrong("the label is there already");
        out_.labels.push_back(
            {here(), std::string(name), parenthesis == std::string_view::npos ? std::string() : std::string(declaration)});
        return true;
    }
    // "12: (b7) r0 = 0", as the log has it.
    const size_t colon = text.find(": (");
    if (colon != std::string_view::npos && text.size() > colon + 5 && text[colon + 5] == ')') in = Cursor(text.substr(colon + 6));
    if (!statement(in)) return false;
    return in.at_end() || wrong("something stands behind the instruction");
}

bool Assembler::statement(Cursor& in) {
    if (in.accept("exit")) {
        emit(code_of(BPF_JMP, BPF_EXIT));
        return true;
    }
    if (in.accept("goto")) return jump(in, {code_of(BPF_JMP, BPF_JA), 0, 0, 0, 0}, Target::off);
    if (in.accept("gotol")) return jump(in, {code_of(BPF_JMP32, BPF_JA), 0, 0, 0, 0}, Target::imm);
    if (in.accept("may_goto")) return jump(in, {code_of(BPF_JMP, 0xe0), 0, 0, 0, 0}, Target::off);  // BPF_JCOND
    if (in.accept("if")) return conditional(in);
    if (in.accept("call")) return call(in);
    if (in.accept("lock")) return locked(in);
    if (in.accept(".insn")) return raw(in);
    if (const auto dst = in.accept_register()) return assignment(in, *dst);
    return store(in);
}

bool Assembler::raw(Cursor& in) {
    std::array<int64_t, 5> fields{};
    for (size_t i = 0; i < fields.size(); ++i) {
        if (i > 0 && !in.accept(",")) return wrong(".insn wants opcode, dst, src, off, imm");
        const auto number = in.accept_number();
        if (!number) return wrong(".insn wants five numbers");
        fields[i] = *number;
    }
    emit(static_cast<uint8_t>(fields[0]), static_cast<unsigned>(fields[1]), static_cast<unsigned>(fields[2]),
         static_cast<int16_t>(fields[3]), static_cast<int32_t>(fields[4]));
    return true;
}

// Immediates may be written signed or as their 32 bits, as the log does.
bool Assembler::immediate(Cursor& in, int32_t& imm) {
    const auto number = in.accept_number();
    if (!number) return wrong("a register or a number is missing");
    if (*number < INT32_MIN || *number > int64_t{UINT32_MAX}) return wrong("the number does not fit 32 bits");
    imm = static_cast<int32_t>(*number);
    return true;
}

bool Assembler::jump(Cursor& in, bpf_insn insn, Target target) {
    const bool relative = in.accept("pc+") || in.accept("pc");
    (void)relative;
    if (const auto number = in.accept_number()) {
        if (target == Target::off) {
            if (*number < INT16_MIN || *number > INT16_MAX) return wrong("the jump does not fit 16 bits");
            insn.off = static_cast<int16_t>(*number);
        } else {
            insn.imm = static_cast<int32_t>(*number);
        }
    } else if (const auto label = in.accept_word()) {
        fixups_.push_back({here(), line_, target, std::string(*label)});
    } else {
        return wrong("no target for the jump");
    }
    emit(insn);
    return true;
}

bool Assembler::conditional(Cursor& in) {
    const auto left = in.accept_register();
    if (!left) return wrong("a register is missing");
    const auto op = in.accept_one_of(conditions);
    if (!op) return wrong("no such comparison");
    bpf_insn insn{};
    const unsigned kind = left->is32 ? BPF_JMP32 : BPF_JMP;
    insn.dst_reg = left->number & 0xf;
    if (const auto right = in.accept_register()) {
        if (right->is32 != left->is32) return wrong("the two registers have different widths");
        insn.code = code_of(kind, *op, BPF_X);
        insn.src_reg = right->number & 0xf;
    } else {
        insn.code = code_of(kind, *op, BPF_K);
        if (!immediate(in, insn.imm)) return false;
    }
    if (!in.accept("goto")) return wrong("goto is missing");
    return jump(in, insn, Target::off);
}

bool Assembler::call(Cursor& in) {
    bpf_insn insn{};
    insn.code = code_of(BPF_JMP, BPF_CALL);
    if (in.accept("pc+") || in.accept("pc")) {
        insn.src_reg = BPF_PSEUDO_CALL;
        if (!immediate(in, insn.imm)) return false;
    } else if (const auto name = in.accept_word()) {
        fixups_.push_back({here(), line_, Target::call, std::string(*name)});
        if (in.accept("#") && !immediate(in, insn.imm)) return false;
    } else if (!immediate(in, insn.imm)) {
        return false;
    }
    emit(insn);
    return true;
}

// "(u32 *)", the stars and parentheses around a size.
bool Assembler::sized_pointer(Cursor& in, Memory& memory) {
    if (!in.accept("(")) return wrong("( is missing");
    if (const auto size = in.accept_one_of(sizes)) {
        memory.size = *size;
    } else if (const auto narrow = in.accept_one_of(signed_sizes)) {
        memory.size = *narrow;
        memory.is_signed = true;
    } else {
        return wrong("no such size");
    }
    return (in.accept("*") && in.accept(")")) || wrong("*) is missing");
}

// "(r1 + 8)"
bool Assembler::base_and_offset(Cursor& in, Memory& memory) {
    if (!in.accept("(")) return wrong("( is missing");
    const auto base = in.accept_register();
    if (!base || base->is32) return wrong("a register is missing");
    memory.base = base->number;
    const int64_t off = in.accept_number().value_or(0);
    if (off < INT16_MIN || off > INT16_MAX) return wrong("the offset does not fit 16 bits");
    memory.off = static_cast<int16_t>(off);
    return in.accept(")") || wrong(") is missing");
}

bool Assembler::store(Cursor& in) {
    Memory memory;
    if (!in.accept("*")) return wrong("no such instruction");
    if (!sized_pointer(in, memory) || !base_and_offset(in, memory)) return false;
    if (!in.accept("=")) return wrong("= is missing");
    if (memory.is_signed) return wrong("a store has no sign");
    if (const auto src = in.accept_register()) {
        emit(code_of(BPF_STX, memory.size, BPF_MEM), memory.base, src->number, memory.off);
        return true;
    }
    int32_t imm = 0;
    if (!immediate(in, imm)) return false;
    emit(code_of(BPF_ST, memory.size, BPF_MEM), memory.base, 0, memory.off, imm);
    return true;
}

bool Assembler::locked(Cursor& in) {
    Memory memory;
    if (!in.accept("*")) return wrong("* is missing");
    if (!sized_pointer(in, memory) || !base_and_offset(in, memory)) return false;
    const auto op = in.accept_one_of(locked_operators);
    if (!op) return wrong("no such atomic operation");
    const auto src = in.accept_register();
    if (!src) return wrong("a register is missing");
    emit(code_of(BPF_STX, memory.size, BPF_ATOMIC), memory.base, src->number, memory.off, *op);
    return true;
}

bool Assembler::atomic_value(Cursor& in, Reg dst, std::string_view word) {
    word.remove_prefix(word.starts_with("atomic64_") ? 9 : 7);
    int32_t imm = 0;
    Memory memory;
    for (const Spelling& spelling : fetch_operators) {
        if (word == spelling.text) imm = spelling.code | BPF_FETCH;
    }
    if (word == "xchg") imm = BPF_XCHG;
    if (word == "cmpxchg") imm = BPF_CMPXCHG;
    if (imm == 0) return wrong("no such atomic operation");
    if (!in.accept("(") || !sized_pointer(in, memory) || !base_and_offset(in, memory)) return wrong("no operand of the atomic operation");
    if (imm == BPF_CMPXCHG) {
        const auto compared = in.accept(",") ? in.accept_register() : std::nullopt;
        if (!compared || compared->number != 0 || dst.number != 0) return wrong("cmpxchg compares and sets r0");
    }
    const auto src = in.accept(",") ? in.accept_register() : std::nullopt;
    if (!src || !in.accept(")")) return wrong("no source of the atomic operation");
    if (imm != BPF_CMPXCHG && src->number != dst.number) return wrong("the atomic operation returns its value in its source");
    emit(code_of(BPF_STX, memory.size, BPF_ATOMIC), memory.base, src->number, memory.off, imm);
    return true;
}

// "skb[12]" or "skb[r1 + 12]" after "*(u16 *)".
bool Assembler::skb_load(Cursor& in, uint8_t size) {
    if (!in.accept("[")) return wrong("[ is missing");
    const auto index = in.accept_register();
    const int64_t imm = in.accept_number().value_or(0);
    if (!in.accept("]")) return wrong("] is missing");
    emit(code_of(BPF_LD, size, index ? BPF_IND : BPF_ABS), 0, index ? index->number : 0, 0, static_cast<int32_t>(imm));
    return true;
}

// "map[x] ll", "map[x][0]+8 ll", "func[f] ll", "5 ll".  taken false: it is none of them.
bool Assembler::load_wide(Cursor& in, Reg dst, bool& taken) {
    taken = true;
    if (in.accept("map[")) {
        const auto name = in.accept_until(']');
        if (!name) return wrong("] is missing");
        out_.map_uses.push_back({here(), std::string(*name)});
        if (in.accept("[0]")) {
            emit_wide(dst.number, BPF_PSEUDO_MAP_VALUE, 0, static_cast<int32_t>(in.accept_number().value_or(0)));
        } else {
            emit_wide(dst.number, BPF_PSEUDO_MAP_FD, 0, 0);
        }
        return in.accept("ll") || wrong("ll is missing");
    }
    if (in.accept("func[")) {
        const auto name = in.accept_until(']');
        if (!name) return wrong("] is missing");
        fixups_.push_back({here(), line_, Target::imm, std::string(*name)});
        emit_wide(dst.number, BPF_PSEUDO_FUNC, 0, 0);
        return in.accept("ll") || wrong("ll is missing");
    }
    Cursor ahead = in;
    const auto number = ahead.accept_number();
    if (number && ahead.accept("ll")) {
        in = ahead;
        emit_wide(dst.number, 0, static_cast<int32_t>(*number), static_cast<int32_t>(*number >> 32));
        return true;
    }
    taken = false;
    return true;
}

bool Assembler::assignment(Cursor& in, Reg dst) {
    const unsigned kind = dst.is32 ? BPF_ALU : BPF_ALU64;
    std::optional<uint8_t> op = in.accept_one_of(signed_operators);
    const int16_t off = op ? 1 : 0;  // signed division
    if (!op) op = in.accept_one_of(alu_operators);
    if (op) {
        if (const auto src = in.accept_register()) {
            emit(code_of(kind, *op, BPF_X), dst.number, src->number, off);
            return true;
        }
        int32_t imm = 0;
        if (!immediate(in, imm)) return false;
        emit(code_of(kind, *op, BPF_K), dst.number, 0, off, imm);
        return true;
    }
    if (!in.accept("=")) return wrong("no such operator");

    if (in.accept("*")) {
        Memory memory;
        if (!sized_pointer(in, memory)) return false;
        if (in.accept("skb")) return skb_load(in, memory.size);
        if (!base_and_offset(in, memory)) return false;
        emit(code_of(BPF_LDX, memory.size, memory.is_signed ? abi::memsx : BPF_MEM), dst.number, memory.base, memory.off);
        return true;
    }
    if (in.accept("(")) {
        const auto size = in.accept_one_of(signed_sizes);
        if (!size || !in.accept(")")) return wrong("no such size");
        const auto src = in.accept_register();
        if (!src) return wrong("a register is missing");
        emit(code_of(kind, BPF_MOV, BPF_X), dst.number, src->number, *size == BPF_B ? 8 : *size == BPF_H ? 16 : 32);
        return true;
    }
    bool wide = false;
    if (!load_wide(in, dst, wide) || wide) return wide && error_.empty();

    Cursor ahead = in;
    if (ahead.accept("-")) {
        if (const auto src = ahead.accept_register()) {
            in = ahead;
            if (src->number != dst.number) return wrong("a negation has one register");
            emit(code_of(kind, BPF_NEG), dst.number);
            return true;
        }
    }
    if (const auto src = in.accept_register()) {
        emit(code_of(kind, BPF_MOV, BPF_X), dst.number, src->number);
        return true;
    }
    if (const auto word = in.accept_word()) {
        if (word->starts_with("atomic_") || word->starts_with("atomic64_")) return atomic_value(in, dst, *word);
        const std::string_view order = word->starts_with("bswap") ? word->substr(0, 5) : word->substr(0, std::min<size_t>(2, word->size()));
        const std::string width(word->substr(order.size()));
        if ((order != "be" && order != "le" && order != "bswap") || (width != "16" && width != "32" && width != "64")) {
            return wrong("no such operation");
        }
        const auto src = in.accept_register();
        if (!src || src->number != dst.number) return wrong("a byte swap has one register");
        const uint8_t code = order == "be"   ? code_of(BPF_ALU, BPF_END, BPF_TO_BE)
                             : order == "le" ? code_of(BPF_ALU, BPF_END, BPF_TO_LE)
                                             : code_of(BPF_ALU64, BPF_END);
        emit(code, dst.number, 0, 0, std::atoi(width.c_str()));
        return true;
    }
    int32_t imm = 0;
    if (!immediate(in, imm)) return false;
    emit(code_of(kind, BPF_MOV, BPF_K), dst.number, 0, 0, imm);
    return true;
}

bool Assembler::resolve() {
    for (const Fixup& fixup : fixups_) {
        line_ = fixup.line;
        bpf_insn& insn = out_.insns[fixup.insn];
        const auto label = labels_.find(fixup.label);
        if (label == labels_.end()) {
            const auto helper = fixup.target == Target::call && names_.helper ? names_.helper(fixup.label) : std::nullopt;
            // "unknown#5", as the log writes a helper it has no name for: the number stands there.
            if (!helper && (fixup.target != Target::call || insn.imm == 0)) {
                error_ = "no label and no helper is called " + fixup.label;
                return false;
            }
            if (helper) insn.imm = static_cast<int32_t>(*helper);
            continue;
        }
        const int64_t distance = int64_t{label->second} - int64_t{fixup.insn} - 1;
        if (fixup.target == Target::off) {
            if (distance < INT16_MIN || distance > INT16_MAX) return wrong("the jump does not fit 16 bits");
            insn.off = static_cast<int16_t>(distance);
        } else {
            insn.imm = static_cast<int32_t>(distance);
            if (fixup.target == Target::call) insn.src_reg = BPF_PSEUDO_CALL;
        }
    }
    return true;
}

}  // namespace

Result<Assembly> assemble(std::string_view text, const AssembleNames& names, Log& log) { return Assembler(text, names, log).run(); }

}  // namespace graft
