// Programs for unit tests, without a verifier: instructions by name, and a Program made of them.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "engine/engines.h"
#include "program/program.h"

namespace graft::test {

constexpr bpf_insn insn(int code, int dst, int src, int off, int imm) {
    bpf_insn made{};
    made.code = static_cast<uint8_t>(code);
    made.dst_reg = static_cast<uint8_t>(dst & 15);
    made.src_reg = static_cast<uint8_t>(src & 15);
    made.off = static_cast<int16_t>(off);
    made.imm = imm;
    return made;
}
constexpr bpf_insn mov(int dst, int imm) { return insn(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm); }
constexpr bpf_insn mov_reg(int dst, int src) { return insn(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0); }
constexpr bpf_insn add(int dst, int imm) { return insn(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm); }
constexpr bpf_insn add_reg(int dst, int src) { return insn(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0); }
constexpr bpf_insn exit() { return insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
constexpr bpf_insn helper(int id) { return insn(BPF_JMP | BPF_CALL, 0, 0, 0, id); }
// As the verifier leaves it: the number in `off`.
constexpr bpf_insn call(int subprogram) { return insn(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, subprogram, 0); }

using Insns = std::vector<bpf_insn>;
inline Insns ld_imm64(int dst, uint64_t value, int src = 0) {
    return {insn(BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, static_cast<int>(value)), insn(0, 0, 0, 0, static_cast<int>(value >> 32))};
}
inline Insns operator+(Insns a, const Insns& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// One vector a function; the first is main.
inline VerifiedProgram verified(const std::vector<Insns>& functions) {
    VerifiedProgram program;
    for (const Insns& function : functions) {
        Subprogram subprogram;
        subprogram.start = static_cast<uint32_t>(program.insns.size());
        subprogram.length = static_cast<uint32_t>(function.size());
        subprogram.stack_depth = abi::max_stack;
        subprogram.is_global = true;
        program.subprograms.push_back(subprogram);
        program.insns.insert(program.insns.end(), function.begin(), function.end());
    }
    return program;
}

// Of the tests' programs, as if all were one kernel's.
inline RunState& run_state() {
    static RunState state;
    return state;
}

// That of a Kernel in this process.
inline const Engine& default_engine() { return **chosen_engine(); }

inline Ref<Program> make_program(VerifiedProgram code, ProgramFacts facts = {}, TargetFunction primed = {},
                                 const Engine& engine = default_engine(), const RunState& state = run_state()) {
    auto compiled = engine.compile(code).value();
    return Program::make(std::move(facts), std::move(code), std::move(compiled), std::move(primed), state);
}
inline Ref<Program> make_program(const std::vector<Insns>& functions, ProgramFacts facts = {}, const Engine& engine = default_engine()) {
    return make_program(verified(functions), std::move(facts), {}, engine);
}

inline uint64_t run(const Program& program, void* context = nullptr) {
    RunContext run_context;
    const RunScope scope(run_context);
    const rcu::ReadGuard guard;
    return graft::run(program, context, run_context);
}

}  // namespace graft::test
