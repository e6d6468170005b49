#include "isa/disasm.h"

#include <fmt/core.h>

#include <string_view>

#include "isa/insn.h"

namespace graft {
namespace {

// By the operation's number, code >> 4.
constexpr std::string_view alu_operators[16] = {"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "", "%=", "^=", "=", "s>>="};
constexpr std::string_view conditions[16] = {"", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<", "s<="};

// "u8" or "s8" and so on.
std::string memory_type(const bpf_insn& insn, char sign) { return fmt::format("{}{}", sign, access_size_of(insn) * 8); }

// The 32-bit classes name the lower half of a register.
char register_letter(const bpf_insn& insn) { return class_of(insn) == BPF_ALU || class_of(insn) == BPF_JMP32 ? 'w' : 'r'; }

std::string byte_order(const bpf_insn& insn) {
    const std::string_view name = class_of(insn) == BPF_ALU64 ? "bswap" : uses_source_register(insn) ? "be" : "le";
    return fmt::format("r{} = {}{} r{}", +insn.dst_reg, name, insn.imm, +insn.dst_reg);
}

std::string alu(const bpf_insn& insn) {
    const char letter = register_letter(insn);
    const std::string dst = fmt::format("{}{}", letter, +insn.dst_reg);
    if (op_of(insn) == BPF_END) return byte_order(insn);
    if (op_of(insn) == BPF_NEG) return fmt::format("{0} = -{0}", dst);
    if (op_of(insn) > BPF_END) return "unknown";
    const std::string_view sign = is_signed_div_or_mod(insn) ? "s" : "";
    const std::string_view op = alu_operators[insn.code >> 4];
    if (!uses_source_register(insn)) return fmt::format("{} {}{} {}", dst, sign, op, insn.imm);
    if (insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn.off == abi::addr_space_cast) {
        const auto spaces = static_cast<uint32_t>(insn.imm);
        return fmt::format("{} = addr_space_cast(r{}, {}, {})", dst, +insn.src_reg, spaces >> 16, spaces & 0xffff);
    }
    const std::string cast = is_movsx(insn) ? fmt::format("(s{})", insn.off) : "";
    return fmt::format("{} {}{} {}{}{}", dst, sign, op, cast, letter, +insn.src_reg);
}

std::string place(const bpf_insn& insn, uint8_t base, char sign) {
    return fmt::format("({} *)(r{} {:+})", memory_type(insn, sign), base, insn.off);
}

std::string atomic(const bpf_insn& insn) {
    const std::string where = place(insn, insn.dst_reg, 'u');
    const std::string_view width = size_field_of(insn) == BPF_DW ? "64" : "";
    if (insn.imm == BPF_CMPXCHG) return fmt::format("r0 = atomic{}_cmpxchg({}, r0, r{})", width, where, +insn.src_reg);
    if (insn.imm == BPF_XCHG) return fmt::format("r{0} = atomic{1}_xchg({2}, r{0})", +insn.src_reg, width, where);
    std::string_view op, name;
    switch (insn.imm & ~BPF_FETCH) {
        case BPF_ADD:
            op = "+=", name = "add";
            break;
        case BPF_OR:
            op = "|=", name = "or";
            break;
        case BPF_AND:
            op = "&=", name = "and";
            break;
        case BPF_XOR:
            op = "^=", name = "xor";
            break;
        default:
            return "unknown";
    }
    if (!fetches(insn)) return fmt::format("lock *{} {} r{}", where, op, +insn.src_reg);
    return fmt::format("r{0} = atomic{1}_fetch_{2}({3}, r{0})", +insn.src_reg, width, name, where);
}

std::string load_store(const bpf_insn& insn) {
    const bool plain = mode_of(insn) == BPF_MEM;
    switch (class_of(insn)) {
        case BPF_LDX:
            if (!plain && mode_of(insn) != abi::memsx) return "unknown";
            return fmt::format("r{} = *{}", +insn.dst_reg, place(insn, insn.src_reg, plain ? 'u' : 's'));
        case BPF_ST:
            return plain ? fmt::format("*{} = {}", place(insn, insn.dst_reg, 'u'), insn.imm) : "unknown";
        default:
            if (is_atomic(insn)) return atomic(insn);
            return plain ? fmt::format("*{} = r{}", place(insn, insn.dst_reg, 'u'), +insn.src_reg) : "unknown";
    }
}

// The class that otherwise holds the packet loads of classic BPF.
std::string load(std::span<const bpf_insn> insns, const DisasmNames& names) {
    const bpf_insn& insn = insns.front();
    if (mode_of(insn) == BPF_ABS) return fmt::format("r0 = *({} *)skb[{}]", memory_type(insn, 'u'), insn.imm);
    if (mode_of(insn) == BPF_IND) return fmt::format("r0 = *({} *)skb[r{} + {}]", memory_type(insn, 'u'), +insn.src_reg, insn.imm);
    if (!is_ld_imm64(insn)) return "unknown";
    const bpf_insn second = insns.size() > 1 ? insns[1] : bpf_insn{};
    const std::string text = names.imm64 ? names.imm64(insn, second) : fmt::format("{:#x}", imm64_of(insn, second));
    return fmt::format("r{} = {}", +insn.dst_reg, text);
}

std::string call(const bpf_insn& insn, const DisasmNames& names) {
    if (is_pseudo_call(insn)) return fmt::format("call pc{:+}", insn.imm);
    const bool named = (is_helper_call(insn) || is_kfunc_call(insn)) && names.call;
    return fmt::format("call {}#{}", named ? names.call(insn) : "unknown", insn.imm);
}

std::string jump(const bpf_insn& insn, const DisasmNames& names) {
    if (is_call(insn)) return call(insn, names);
    if (is_exit(insn)) return "exit";
    const std::string target = fmt::format("pc{:+}", jump_offset_of(insn));
    if (is_goto(insn)) return (class_of(insn) == BPF_JMP32 ? "gotol " : "goto ") + target;
    if (is_may_goto(insn)) return "may_goto " + target;
    std::string_view condition = conditions[insn.code >> 4];
    if (insn.code == (BPF_JMP | abi::jcond)) condition = "(null)";  // Linux prints a string that it does not have
    if (condition.empty()) return "unknown";
    const char letter = register_letter(insn);
    const std::string right =
        uses_source_register(insn) ? fmt::format("{}{}", letter, +insn.src_reg) : fmt::format("{:#x}", static_cast<uint32_t>(insn.imm));
    return fmt::format("if {}{} {} {} goto {}", letter, +insn.dst_reg, condition, right, target);
}

}  // namespace

std::string disassemble(std::span<const bpf_insn> insns, const DisasmNames& names) {
    const bpf_insn& insn = insns.front();
    std::string text;
    switch (class_of(insn)) {
        case BPF_ALU:
        case BPF_ALU64:
            text = alu(insn);
            break;
        case BPF_JMP:
        case BPF_JMP32:
            text = jump(insn, names);
            break;
        case BPF_LD:
            text = load(insns, names);
            break;
        default:
            text = load_store(insn);
            break;
    }
    return fmt::format("({:02x}) {}", insn.code, text);
}

}  // namespace graft
