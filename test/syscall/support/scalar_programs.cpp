#include "support/scalar_programs.h"

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <sstream>

#include "verify/scalar/branch.h"
#include "verify/scalar/print.h"

namespace test {
namespace {

using namespace graft::verify;

std::string text_of(const Scalar& scalar) {
    if (scalar.is_const()) return signed_number(static_cast<int64_t>(scalar.const_value()));
    return "scalar(" + describe(scalar) + ")";
}

constexpr uint8_t alu_ops[] = {BPF_ADD, BPF_SUB,  BPF_MUL, BPF_AND, BPF_OR,  BPF_XOR, BPF_LSH,
                               BPF_RSH, BPF_ARSH, BPF_NEG, BPF_DIV, BPF_MOD, BPF_END};
constexpr const char* alu_names[] = {"add", "sub", "mul", "and", "or", "xor", "lsh", "rsh", "arsh", "neg", "div", "mod", "end"};
constexpr uint8_t jump_ops[] = {BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET};
constexpr const char* jump_names[] = {"jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset"};

class Writer {
public:
    Writer(uint64_t seed, int map_fd) : random_(seed) {
        emit(BPF_LD | BPF_IMM | BPF_DW, 9, BPF_PSEUDO_MAP_VALUE, 0, map_fd);
        emit(0, 0, 0, 0, 0);
    }
    ScalarProgram write(size_t length);

private:
    uint64_t below(uint64_t n) { return random_() % n; }
    bool one_in(uint64_t n) { return below(n) == 0; }
    uint64_t number();
    int32_t immediate() { return static_cast<int32_t>(number()); }
    std::optional<unsigned> any_number(bool unlinked = false);

    unsigned last() const { return static_cast<unsigned>(program_.insns.size()) - 1; }
    void emit(int code, unsigned dst, unsigned src, int off, int32_t imm);
    void put(unsigned reg, const Scalar& scalar) { state_[reg] = {Foreseen::Kind::number, scalar, false}; }
    void step(std::string row) { program_.steps.push_back(std::move(row)); }
    void check(Scalar& scalar, const char* what);

    void load();
    void constant();
    void move();
    void alu(bool mask_by_constant);
    void pointer();
    bool jump();

    std::mt19937_64 random_;
    ScalarProgram program_;
    ForeseenState state_;
    std::vector<unsigned> jumps_;
};

// Of every size and sign, most of them near a place where something changes.
uint64_t Writer::number() {
    constexpr uint64_t edges[] = {0,
                                  1,
                                  7,
                                  0xf,
                                  0x7f,
                                  0x80,
                                  0xff,
                                  0x7fff,
                                  0xffff,
                                  0x7fffffff,
                                  0x80000000,
                                  0xffffffff,
                                  0x100000000,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  0xffffffffffffffff};
    switch (below(6)) {
        case 0:
        case 1:
            return edges[below(std::size(edges))] + below(5) - 2;
        case 2:
            return 0 - edges[below(std::size(edges))];
        case 3:
            return random_() >> below(64);
        case 4:
            return static_cast<uint64_t>(static_cast<int64_t>(random_()) >> below(64));
        default:
            return below(70);
    }
}

std::optional<unsigned> Writer::any_number(bool unlinked) {
    std::vector<unsigned> found;
    for (unsigned reg = 0; reg < 8; ++reg) {
        if (state_[reg].kind == Foreseen::Kind::number && !(unlinked && state_[reg].linked)) found.push_back(reg);
    }
    if (found.empty()) return std::nullopt;
    return found[below(found.size())];
}

void Writer::emit(int code, unsigned dst, unsigned src, int off, int32_t imm) {
    bpf_insn insn{};
    insn.code = static_cast<uint8_t>(code);
    insn.dst_reg = dst & 15U;
    insn.src_reg = src & 15U;
    insn.off = static_cast<int16_t>(off);
    insn.imm = imm;
    program_.insns.push_back(insn);
}

void Writer::check(Scalar& scalar, const char* what) {
    const char* violation = scalar.violation();
    if (violation == nullptr) return;
    program_.violations.push_back("REG INVARIANTS VIOLATION (" + std::string(what) + "): " + violation + " " + describe_violation(scalar));
    scalar.forget_ranges();
}

void Writer::load() {
    constexpr int sizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
    const auto size = static_cast<unsigned>(below(4)), dst = static_cast<unsigned>(below(8));
    const bool extends = size < 3 && one_in(3);
    emit(BPF_LDX | (extends ? 0x80 : BPF_MEM) | sizes[size], dst, 9, 8, 0);
    Scalar scalar;
    extends ? scalar.sign_extend_64(1U << size) : scalar.truncate(1U << size);
    put(dst, scalar);
}

void Writer::constant() {
    const auto dst = static_cast<unsigned>(below(8));
    const uint64_t value = number();
    const auto low = static_cast<int32_t>(value);
    switch (below(3)) {
        case 0:
            emit(BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, low);
            emit(0, 0, 0, 0, static_cast<int32_t>(value >> 32));
            return put(dst, Scalar::constant(value));
        case 1:
            emit(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, low);
            return put(dst, Scalar::constant(static_cast<uint64_t>(int64_t{low})));
        default:
            emit(BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, low);
            return put(dst, Scalar::constant(static_cast<uint32_t>(low)));
    }
}

void Writer::move() {
    const auto src = any_number();
    if (!src) return;
    const auto dst = static_cast<unsigned>(below(8));
    const bool is64 = one_in(2);
    const auto size = static_cast<unsigned>(is64 ? below(4) : below(3));  // 0: as it is, else 1, 2, 4 bytes
    const unsigned bytes = size == 0 ? 0 : 1U << (size - 1);
    emit((is64 ? BPF_ALU64 : BPF_ALU) | BPF_MOV | BPF_X, dst, *src, static_cast<int>(bytes * 8), 0);
    state_[*src].linked = true;
    const Scalar before = state_[*src].scalar;
    state_[dst] = state_[*src];
    Scalar& scalar = state_[dst].scalar;
    if (!is64)
        bytes == 0 ? scalar.zero_extend_32() : scalar.sign_extend_32(bytes);
    else if (bytes != 0)
        scalar.sign_extend_64(bytes);
    step("mov" + std::to_string(is64 ? 64 : 32) + " " + std::to_string(bytes) + " | " + text_of(before) + " | " + text_of(scalar));
    check(scalar, "alu");
}

void Writer::alu(bool mask_by_constant) {
    const auto dst = any_number(), src = any_number();
    if (!dst) return;
    const size_t chosen = mask_by_constant ? 3 : below(one_in(4) ? std::size(alu_ops) : 9);
    const uint8_t op = alu_ops[chosen];
    const bool is64 = mask_by_constant || one_in(2), shifts = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
    const bool by_register = !mask_by_constant && op != BPF_NEG && op != BPF_END && (shifts ? one_in(6) : one_in(2));
    const unsigned width = is64 ? 64 : 32;
    int32_t imm = shifts ? static_cast<int32_t>(one_in(4) ? width / 2 : one_in(6) ? width - 1 : below(width)) : immediate();
    if ((op == BPF_DIV || op == BPF_MOD) && imm == 0) imm = 1;
    if (op == BPF_NEG) imm = 0;
    if (op == BPF_END) imm = 16 << below(3);
    const int off = (op == BPF_DIV || op == BPF_MOD) && one_in(2) ? 1 : 0;
    emit((is64 ? BPF_ALU64 : BPF_ALU) | op | (by_register ? BPF_X : BPF_K), *dst, by_register ? *src : 0, off, by_register ? 0 : imm);

    Scalar& scalar = state_[*dst].scalar;
    const Scalar by = by_register ? state_[*src].scalar : Scalar::constant(static_cast<uint64_t>(int64_t{imm}));
    if (const auto fork = fork_before_alu(op, scalar, by)) {
        ForeseenState zero = state_;
        zero[*dst].scalar = fork->zero;
        program_.aside[static_cast<int>(last())] = zero;
        scalar = fork->minus_one;
    }
    const Scalar result = apply_alu(op, is64, scalar, by);
    step(alu_names[chosen] + std::to_string(width) + " | " + text_of(scalar) + " | " + text_of(by) + " | " + text_of(result));
    scalar = result;
    check(scalar, "alu");
}

// Far inside of the offsets that the verifier allows.
void Writer::pointer() {
    Foreseen& r8 = state_[8];
    if (r8.kind == Foreseen::Kind::nothing || one_in(3)) {
        emit(BPF_ALU64 | BPF_MOV | BPF_X, 8, 9, 0, 0);
        r8 = {Foreseen::Kind::pointer, Scalar::constant(0), false};
        return;
    }
    constexpr Range<int64_t> near{-(1 << 28), 1 << 28};
    const auto src = any_number();
    if (!src || state_[*src].scalar.is_const() || !near.contains(state_[*src].scalar.s64) || !near.contains(r8.scalar.s64)) return;
    const bool adds = one_in(2);
    Scalar moved = adds ? add_to_pointer(r8.scalar, state_[*src].scalar) : sub_from_pointer(r8.scalar, state_[*src].scalar);
    if (!near.contains(moved.s64)) return;
    emit(BPF_ALU64 | (adds ? BPF_ADD : BPF_SUB) | BPF_X, 8, *src, 0, 0);
    r8.scalar = moved;
    check(r8.scalar, "alu");
}

// False when the walk does not go on.
bool Writer::jump() {
    const auto a = any_number(true), b = any_number(true);
    if (!a) return true;
    const size_t chosen = below(std::size(jump_ops));
    const uint8_t op = jump_ops[chosen];
    const bool is32 = one_in(2), with_register = one_in(3);
    const Scalar left = state_[*a].scalar;
    const uint64_t near[] = {left.u64.min,
                             left.u64.max,
                             static_cast<uint64_t>(left.s64.min),
                             static_cast<uint64_t>(left.s64.max),
                             left.u32.min,
                             left.u32.max,
                             static_cast<uint64_t>(int64_t{left.s32.min}),
                             static_cast<uint64_t>(int64_t{left.s32.max}),
                             left.var_off.value,
                             left.u64.min + (left.u64.max - left.u64.min) / 2};
    int32_t imm = one_in(3) ? immediate() : static_cast<int32_t>(near[below(std::size(near))] + below(5) - 2);
    if (op == BPF_JSET && one_in(2)) imm = static_cast<int32_t>(1U << below(32));
    const Scalar right = with_register ? state_[*b].scalar : Scalar::constant(static_cast<uint64_t>(int64_t{imm}));
    const Verdict verdict = branch_taken(op, is32, left, right);
    if (verdict != Verdict::unknown && !one_in(8)) return true;

    emit((is32 ? BPF_JMP32 : BPF_JMP) | op | (with_register ? BPF_X : BPF_K), *a, with_register ? *b : 0, 0, with_register ? 0 : imm);
    jumps_.push_back(last());
    const std::string row = std::string(jump_names[chosen]) + (is32 ? "32" : "64") + " | " + text_of(left) + " | " + text_of(right) + " | ";
    if (verdict != Verdict::unknown) {
        step(row + (verdict == Verdict::always ? "always" : "never"));
        return verdict == Verdict::never;
    }
    ForeseenState taken = state_;
    Scalar taken_constant = right, constant = right;
    Scalar &true_a = taken[*a].scalar, &true_b = with_register ? taken[*b].scalar : taken_constant;
    Scalar &false_a = state_[*a].scalar, &false_b = with_register ? state_[*b].scalar : constant;
    refine(op, is32, true_a, true_b, false_a, false_b);
    if (!(with_register && a == b))
        step(row + text_of(true_a) + " | " + text_of(true_b) + " | " + text_of(false_a) + " | " + text_of(false_b));
    check(true_a, "true_reg1");
    check(true_b, "true_reg2");
    check(false_a, "false_reg1");
    check(false_b, "false_reg2");
    program_.aside[static_cast<int>(last())] = taken;
    return true;
}

ScalarProgram Writer::write(size_t length) {
    bool goes_on = true;
    while (goes_on && program_.insns.size() < length) {
        const uint64_t choice = below(any_number() ? 100 : 16);
        const size_t before = program_.insns.size();
        if (choice < 12)
            load();
        else if (choice < 16)
            constant();
        else if (choice < 20)
            alu(true);
        else if (choice < 28)
            move();
        else if (choice < 66)
            alu(false);
        else if (choice < 72)
            pointer();
        else
            goes_on = jump();
        if (goes_on && program_.insns.size() != before) program_.after[static_cast<int>(before)] = state_;
    }
    const auto end = [this] {
        emit(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
        emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    };
    end();
    for (const unsigned at : jumps_) {
        program_.insns[at].off = static_cast<int16_t>(program_.insns.size() - at - 1);
        end();
    }
    return std::move(program_);
}

// --- the log --------------------------------------------------------------------------

// "R1_w=scalar(id=1,smin=...) R2=P5 ...": by register, without what scalars do not know: the identity and the mark of precision.
std::map<unsigned, std::string> registers_in(std::string_view text) {
    std::map<unsigned, std::string> found;
    while (!text.empty()) {
        const size_t start = text.find_first_not_of(' ');
        if (start == text.npos || text[start] != 'R') break;
        const size_t equals = text.find('=', start);
        if (equals == text.npos) break;
        size_t end = equals + 1;
        for (int depth = 0; end < text.size() && (text[end] != ' ' || depth > 0); ++end) depth += (text[end] == '(') - (text[end] == ')');
        std::string value(text.substr(equals + 1, end - equals - 1));
        if (value.starts_with('P')) value.erase(0, 1);
        if (const size_t id = value.find("(id="); id != value.npos) {
            const size_t next = value.find_first_of(",)", id);
            value.erase(id + 1, next - id - (value[next] == ',' ? 0 : 1));
        }
        found[static_cast<unsigned>(std::atoi(text.data() + start + 1))] = value;
        text.remove_prefix(end);
    }
    return found;
}

// Of "map_value(map=...,ks=4,vs=64,smin=...)" what comes after the size of the value.
std::string offset_in(const std::string& pointer) {
    const size_t size = pointer.find("vs=");
    if (size == pointer.npos) return pointer;
    std::string rest = pointer.substr(pointer.find_first_of(",)", size));
    if (rest.starts_with(',')) rest.erase(0, 1);
    if (rest.ends_with(')')) rest.pop_back();
    return rest;
}

std::string offset_text(const Scalar& offset) {
    if (!offset.is_const()) return describe(offset);
    return offset.const_value() == 0 ? "" : "imm=" + signed_number(static_cast<int64_t>(offset.const_value()));
}

void compare(const ForeseenState& state, std::string_view text, const std::string& where, std::vector<std::string>& differences,
             size_t& compared) {
    for (const auto& [reg, printed] : registers_in(text)) {
        if (reg >= state.size()) continue;
        const Foreseen& foreseen = state[reg];
        if (foreseen.kind == Foreseen::Kind::nothing && printed == "ctx()") continue;
        const bool is_pointer = foreseen.kind == Foreseen::Kind::pointer;
        const std::string kernel = is_pointer ? offset_in(printed) : printed;
        std::string ours = "nothing";
        if (is_pointer)
            ours = offset_text(foreseen.scalar);
        else if (foreseen.kind == Foreseen::Kind::number)
            ours = text_of(foreseen.scalar);
        ++compared;
        if (kernel != ours) differences.push_back(where + ": R" + std::to_string(reg) + " kernel " + kernel + ", foreseen " + ours);
    }
}

}  // namespace

ScalarProgram random_scalar_program(uint64_t seed, int map_fd, size_t length) { return Writer(seed, map_fd).write(length); }

// The walk is depth first: what is put aside last is taken up first.  A split instruction is executed again, and all that follows it, with
// other numbers; those lines are passed over, until the log takes up something that was put aside before the split.
std::vector<std::string> differences(const ScalarProgram& program, std::string_view log, size_t& compared) {
    std::vector<std::string> result, violations;
    std::set<int> walked, taken_up;
    int again_from = -1;
    std::istringstream lines{std::string(log)};
    for (std::string line; std::getline(lines, line);) {
        int index = 0, to = 0, used = 0;
        unsigned code = 0;
        if (std::sscanf(line.c_str(), "from %d to %d:%n", &index, &to, &used) == 2 && used > 0) {
            if (again_from >= 0 && index >= again_from && index != to) continue;
            again_from = index == to ? index : -1;
            const auto foreseen = program.aside.find(index);
            if (foreseen == program.aside.end() || !taken_up.insert(index).second) {
                if (index < to) result.push_back(line.substr(0, static_cast<size_t>(used)) + " was not foreseen");
                continue;
            }
            compare(foreseen->second, line.substr(static_cast<size_t>(used)), line.substr(0, static_cast<size_t>(used)), result, compared);
        } else if (again_from >= 0) {
            continue;
        } else if (line.starts_with("REG INVARIANTS")) {
            violations.push_back(line);
        } else if (std::sscanf(line.c_str(), "%d: (%x)%n", &index, &code, &used) == 2 && used > 0) {
            walked.insert(index);
            const size_t state = line.find("; R");
            const auto foreseen = program.after.find(index);
            if (state != line.npos && foreseen != program.after.end())
                compare(foreseen->second, line.substr(state + 2), line.substr(0, state), result, compared);
        }
    }
    for (const auto& [index, state] : program.after) {
        if (!walked.contains(index)) result.push_back("the kernel did not reach " + std::to_string(index));
    }
    for (const auto& [index, state] : program.aside) {
        if (!taken_up.contains(index)) result.push_back("the kernel did not put aside a state at " + std::to_string(index));
    }
    for (size_t i = 0; i < violations.size() || i < program.violations.size(); ++i) {
        const std::string kernel = i < violations.size() ? violations[i] : "",
                          ours = i < program.violations.size() ? program.violations[i] : "";
        if (kernel != ours) result.push_back("kernel " + kernel + ", foreseen " + ours);
    }
    return result;
}

}  // namespace test
