// random_program(): programs of all operations that are the same on every engine by definition, made of a stream of choices.
//
// Each ends, touches only its own stack and the `scratch_size` bytes at R1, and leaves all of its registers there.  No address gets into a
// number: R9 (the scratch memory) and R10 are bases of loads and stores only, and R1 to R5 are set anew after each call.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "image/target_registry.h"
#include "program/test_program.h"

namespace graft::test {

inline constexpr int scratch_size = 256;

class RandomProgram {
public:
    // `next`: the next byte of choices.
    explicit RandomProgram(std::function<uint8_t()> next) : next_(std::move(next)) {}

    std::vector<Insns> functions() {
        const int count = 1 + below(3);
        std::vector<Insns> made;
        for (int i = 0; i < count; ++i) made.push_back(function(i, count));
        return made;
    }

    uint64_t number() {
        static constexpr std::array<uint64_t, 24> edges{0,
                                                        1,
                                                        2,
                                                        3,
                                                        7,
                                                        8,
                                                        31,
                                                        32,
                                                        33,
                                                        63,
                                                        64,
                                                        65,
                                                        0x7fff,
                                                        0x8000,
                                                        0x7fffffff,
                                                        0x80000000,
                                                        0xffffffff,
                                                        0x100000000,
                                                        ~uint64_t{0},
                                                        ~uint64_t{1},
                                                        INT64_MAX,
                                                        uint64_t{1} << 63,
                                                        0x80,
                                                        0xffffffff80000000};
        const size_t choice = next_();
        if (choice < 6 * edges.size()) return edges[choice % edges.size()];
        uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | next_();
        return choice % 2 == 0 ? bits : bits >> (choice % 64);
    }

private:
    static constexpr int stack = 64;  // bytes that are set at the start

    int below(int limit) { return next_() % limit; }
    int reg() { return below(9); }
    int imm() { return static_cast<int>(number()); }
    template <size_t N>
    int one_of(const std::array<int, N>& of) {
        return of[static_cast<size_t>(below(static_cast<int>(N)))];
    }

    static void append(Insns& insns, const Insns& more) { insns.insert(insns.end(), more.begin(), more.end()); }

    Insns function(int index, int count) {
        Insns insns{mov_reg(9, index == 0 ? 1 : 5)};
        for (int at = -stack; at < 0; at += 8) insns.push_back(insn(BPF_ST | BPF_MEM | BPF_DW, 10, 0, at, imm()));
        for (int r = index == 0 ? 0 : 6; r < 9; ++r) append(insns, ld_imm64(r, number()));
        if (index != 0) insns.push_back(mov(0, imm())), insns.push_back(mov(5, imm()));

        const int steps = below(64);
        std::vector<size_t> starts;
        std::vector<std::pair<size_t, int>> jumps;  // instruction, step
        for (int step = 0; step < steps; ++step) {
            starts.push_back(insns.size());
            append(insns, operation(index, count));
            const bpf_insn& last = insns.back();
            const bool is_jump = BPF_CLASS(last.code) == BPF_JMP32 || (BPF_CLASS(last.code) == BPF_JMP && BPF_OP(last.code) != BPF_CALL);
            if (is_jump) jumps.emplace_back(insns.size() - 1, step + 1 + below(steps - step));
        }
        starts.push_back(insns.size());
        for (const auto& [at, step] : jumps) {
            const auto distance = static_cast<int>(starts[static_cast<size_t>(step)]) - static_cast<int>(at) - 1;
            insns[at].off = static_cast<int16_t>(distance);
            if (insns[at].code == (BPF_JMP32 | BPF_JA)) insns[at].imm = distance;
        }
        append(insns, end(index));
        return insns;
    }

    // Main leaves all registers in the scratch memory, the others in R0; they spoil what their caller must get back.
    static Insns end(int index) {
        Insns insns;
        for (int r = 0; r < 9; ++r) {
            if (index == 0) {
                insns.push_back(insn(BPF_STX | BPF_MEM | BPF_DW, 9, r, r * 8, 0));
            } else if (r != 0) {
                insns.push_back(insn(BPF_ALU64 | BPF_MUL | BPF_K, 0, 0, 0, 31));
                insns.push_back(insn(BPF_ALU64 | BPF_XOR | BPF_X, 0, r, 0, 0));
            }
        }
        if (index != 0) {
            for (int r = 6; r <= 9; ++r) insns.push_back(mov(r, -1));
        }
        insns.push_back(exit());
        return insns;
    }

    Insns operation(int index, int count) {
        switch (below(10)) {
            case 0:
            case 1:
            case 2:
                return {arithmetic()};
            case 3:
                return {conversion()};
            case 4:
                return ld_imm64(reg(), number());
            case 5:
                return {jump()};
            case 6:
            case 7:
                return {memory()};
            case 8:
                return {atomic()};
            default:
                return call_of(index, count);
        }
    }

    bpf_insn arithmetic() {
        const int op = one_of(std::array{BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_OR, BPF_AND, BPF_XOR, BPF_LSH, BPF_RSH, BPF_ARSH,
                                         BPF_MOV, BPF_DIV, BPF_MOD});
        const int width = one_of(std::array{BPF_ALU64, BPF_ALU});
        const int is_signed = op == BPF_DIV || op == BPF_MOD ? below(2) : 0;
        if (below(2) == 0) return insn(width | op | BPF_K, reg(), 0, is_signed, imm());
        return insn(width | op | BPF_X, reg(), reg(), is_signed, 0);
    }

    bpf_insn conversion() {
        const int width = one_of(std::array{BPF_ALU64, BPF_ALU});
        switch (below(4)) {
            case 0:
                return insn(width | BPF_NEG, reg(), 0, 0, 0);
            case 1:
                return insn(BPF_ALU64 | BPF_MOV | BPF_X, reg(), reg(), one_of(std::array{8, 16, 32}), 0);
            case 2:
                return insn(BPF_ALU | BPF_MOV | BPF_X, reg(), reg(), one_of(std::array{8, 16}), 0);
            default: {
                const int to = width == BPF_ALU ? one_of(std::array{BPF_TO_LE, BPF_TO_BE}) : BPF_TO_LE;
                return insn(width | BPF_END | to, reg(), 0, 0, one_of(std::array{16, 32, 64}));
            }
        }
    }

    // Forwards; function() sets the distance.
    bpf_insn jump() {
        if (below(8) == 0) return insn(one_of(std::array{BPF_JMP | BPF_JA, BPF_JMP32 | BPF_JA, BPF_JMP | int{abi::jcond}}), 0, 0, 0, 0);
        const int op =
            one_of(std::array{BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE});
        const int width = one_of(std::array{BPF_JMP, BPF_JMP32});
        if (below(2) == 0) return insn(width | op | BPF_K, reg(), 0, 0, imm());
        return insn(width | op | BPF_X, reg(), reg(), 0, 0);
    }

    // Base and offset of `size` bytes.
    std::pair<int, int> place(int size, int alignment) {
        if (below(2) == 0) return {9, below(scratch_size - size + 1) & -alignment};
        return {10, -stack + (below(stack - size + 1) & -alignment)};
    }
    static int bytes(int size) { return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8; }

    bpf_insn memory() {
        const int size = one_of(std::array{BPF_B, BPF_H, BPF_W, BPF_DW});
        const auto [base, offset] = place(bytes(size), 1);
        switch (below(5)) {
            case 0:
                return insn(BPF_ST | BPF_MEM | size, base, 0, offset, imm());
            case 1:
                return insn(BPF_STX | BPF_MEM | size, base, reg(), offset, 0);
            case 2:
                return insn(BPF_LDX | (size == BPF_DW ? BPF_MEM : int{abi::memsx}) | size, reg(), base, offset, 0);
            case 3:
                return insn(
                    BPF_LDX | (size == BPF_DW ? abi::probe_mem : one_of(std::array{int{abi::probe_mem}, int{abi::probe_memsx}})) | size,
                    reg(), base, offset, 0);
            default:
                return insn(BPF_LDX | BPF_MEM | size, reg(), base, offset, 0);
        }
    }

    bpf_insn atomic() {
        const int size = one_of(std::array{BPF_W, BPF_DW});
        const auto [base, offset] = place(bytes(size), bytes(size));
        const int op = one_of(std::array{BPF_ADD, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD | BPF_FETCH, BPF_OR | BPF_FETCH, BPF_AND | BPF_FETCH,
                                         BPF_XOR | BPF_FETCH, BPF_XCHG, BPF_CMPXCHG});
        return insn(BPF_STX | BPF_ATOMIC | size, base, reg(), offset, op);
    }

    // Of a later function, or of a helper that adds up memory.
    Insns call_of(int index, int count) {
        Insns insns;
        if (index + 1 < count && below(2) == 0) {
            insns = {mov_reg(5, 9), call(index + 1 + below(count - index - 1))};
        } else {
            insns = {mov(1, 0), mov(2, 0), mov_reg(3, 9), mov(4, 4 * below(scratch_size / 4)), mov(5, imm()), helper(BPF_FUNC_csum_diff)};
        }
        for (int r = 1; r < 6; ++r) insns.push_back(mov(r, imm()));
        return insns;
    }

    std::function<uint8_t()> next_;
};

// What a run leaves behind.
struct Outcome {
    uint64_t result = 0;
    std::array<uint64_t, scratch_size / 8> scratch{};
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome outcome_on(const Engine& engine, const std::vector<Insns>& functions, const Outcome& before) {
    static RunState state;
    TargetRegistry targets(engine, state);
    const Ref<Program> program = make_program(functions, {}, engine);
    Outcome after = before;
    if (!targets.link(*program).ok()) std::abort();
    after.result = run(*program, after.scratch.data());
    return after;
}

}  // namespace graft::test
