// FunctionCompiler: one function of a program to machine code, in one pass over its operations.
//
// An operation becomes a fixed sequence, whatever stands around it (calls that are done on the spot are found before).  Encoding errors are
// gathered by the asmjit::CodeHolder's error handler.
#pragma once

#include <span>
#include <vector>

#include "engine/operation.h"
#include "engine/x86_64/code.h"
#include "engine/x86_64/frame.h"
#include "engine/x86_64/inlined.h"
#include "engine/x86_64/registers.h"

namespace graft::x86_64 {

class FunctionCompiler {
public:
    // `operations`: the function's; call sites are appended to `calls`.
    FunctionCompiler(x86::Assembler& assembler, std::span<const Decoded> operations, uint32_t stack_depth, std::vector<CallSite>& calls);
    void compile();
    [[nodiscard]] bool uses_run() const { return frame_.uses_run; }

private:
    [[nodiscard]] asmjit::Label label_of(size_t slot);
    [[nodiscard]] asmjit::Label target_of(const Decoded& op) { return label_of(slot_ + 1 + static_cast<size_t>(int64_t{op.off})); }

    void prologue();
    void leave_frame();
    void operation(const Decoded& op);

    // arithmetic.cpp
    void arithmetic(const Decoded& op);
    void binary(x86::Inst::Id id, const Decoded& op);
    void multiply(const Decoded& op);
    void divide(const Decoded& op);
    void divide_by_constant(const Decoded& op);
    void shift(const Decoded& op);
    void move(const Decoded& op);
    void load_constant(x86::Gp to, uint64_t value);
    void convert(const Decoded& op);

    // memory.cpp
    void load(const Decoded& op);
    void probe(const Decoded& op);
    void store(const Decoded& op);
    void atomic(const Decoded& op);
    void fetch_by_exchange(x86::Inst::Id id, const Decoded& op);

    // control.cpp
    void conditional_jump(const Decoded& op);
    void count_may_goto(const Decoded& op);
    void run_helper(const Decoded& op);
    void look_up(const ElementArray& elements);
    void call_native(const void* function);
    void call_function(const Decoded& op);
    void call_number(uint64_t subprogram);
    void throw_cookie(const Decoded& op);
    void unwind(const Decoded& op);
    void load_function(const Decoded& op);
    void enter_tail_callee();
    void load_from_packet(const Decoded& op);

    x86::Assembler& a_;
    std::span<const Decoded> operations_;
    std::vector<CallSite>& calls_;
    std::vector<Inlined> inlined_;  // by slot
    Frame frame_;
    std::vector<asmjit::Label> labels_;  // by slot; invalid: nothing jumps there
    size_t slot_ = 0;
    size_t start_;
};

}  // namespace graft::x86_64
