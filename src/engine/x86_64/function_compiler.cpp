#include "engine/x86_64/function_compiler.h"

#include "abi/bpf.h"

namespace graft::x86_64 {
namespace {

bool jumps(const Decoded& op) {
    const bool is_conditional = op.operation >= Operation::jeq64k && op.operation <= Operation::jsle32x;
    return is_conditional || op.operation == Operation::ja || op.operation == Operation::may_goto;
}

// By slot: something jumps there.
std::vector<bool> jump_targets(std::span<const Decoded> operations) {
    std::vector<bool> found(operations.size());
    for (size_t i = 0; i < operations.size(); ++i) {
        if (jumps(operations[i])) found[i + 1 + static_cast<size_t>(int64_t{operations[i].off})] = true;
    }
    return found;
}

}  // namespace

FunctionCompiler::FunctionCompiler(x86::Assembler& assembler, std::span<const Decoded> operations, uint32_t stack_depth,
                                   std::vector<CallSite>& calls)
    : a_(assembler),
      operations_(operations),
      calls_(calls),
      inlined_(find_inlined(operations, jump_targets(operations))),
      frame_(Frame::of(operations, inlined_, stack_depth)),
      labels_(operations.size()),
      start_(assembler.offset()) {
    for (size_t i = 0; i < operations.size(); ++i) {
        if (jumps(operations[i])) (void)label_of(i + 1 + static_cast<size_t>(int64_t{operations[i].off}));
    }
}

asmjit::Label FunctionCompiler::label_of(size_t slot) {
    if (!labels_[slot].isValid()) labels_[slot] = a_.newLabel();
    return labels_[slot];
}

void FunctionCompiler::prologue() {
    for (uint8_t i = 0; i < frame_.saves.size(); ++i) {
        if (frame_.saves[i]) a_.push(host(static_cast<uint8_t>(r6 + i)));
    }
    if (frame_.has_pointer) {
        a_.push(x86::rbp);
        a_.mov(x86::rbp, x86::rsp);
    }
    if (frame_.local != 0 && !frame_.in_red_zone) a_.sub(x86::rsp, frame_.local);
    if (frame_.may_goto_budget != 0) a_.mov(x86::dword_ptr(x86::rbp, frame_.may_goto_budget), abi::max_may_goto);
}

// Leaves rsp at the return address; keeps R0 to R5.
void FunctionCompiler::leave_frame() {
    if (frame_.has_pointer) {
        if (frame_.local == 0 || frame_.in_red_zone) {
            a_.pop(x86::rbp);
        } else {
            a_.leave();
        }
    } else if (frame_.local != 0) {
        a_.add(x86::rsp, frame_.local);
    }
    for (size_t i = frame_.saves.size(); i-- > 0;) {
        if (frame_.saves[i]) a_.pop(host(static_cast<uint8_t>(r6 + i)));
    }
}

void FunctionCompiler::compile() {
    prologue();
    for (slot_ = 0; slot_ < operations_.size(); ++slot_) {
        if (labels_[slot_].isValid()) a_.bind(labels_[slot_]);
        operation(operations_[slot_]);
    }
}

#define GRAFT_FORMS(name) \
    case name##64k:       \
    case name##64x:       \
    case name##32k:       \
    case name##32x:

void FunctionCompiler::operation(const Decoded& op) {
    switch (op.operation) {
        using enum Operation;
        GRAFT_ALU_OPERATIONS(GRAFT_FORMS)
        return arithmetic(op);
        GRAFT_JUMP_OPERATIONS(GRAFT_FORMS)
        return conditional_jump(op);
        case neg64:
        case neg32:
        case movsx8_64:
        case movsx16_64:
        case movsx32_64:
        case movsx8_32:
        case movsx16_32:
        case zext16:
        case zext32:
        case zext64:
        case swap16:
        case swap32:
        case swap64:
            return convert(op);
        case ld_imm64:
            return load_constant(host(op.dst), op.imm);
        case ld_function:
            return load_function(op);
        case ldx8:
        case ldx16:
        case ldx32:
        case ldx64:
        case ldsx8:
        case ldsx16:
        case ldsx32:
            return load(op);
        case probe8:
        case probe16:
        case probe32:
        case probe64:
        case probesx8:
        case probesx16:
        case probesx32:
            return probe(op);
        case stx8:
        case stx16:
        case stx32:
        case stx64:
        case st8:
        case st16:
        case st32:
        case st64:
            return store(op);
        case atomic32:
        case atomic64:
            return atomic(op);
        case ld_abs8:
        case ld_abs16:
        case ld_abs32:
        case ld_ind8:
        case ld_ind16:
        case ld_ind32:
            return load_from_packet(op);
        case ja:
            if (op.off != 0) a_.jmp(target_of(op));
            return;
        case may_goto:
            return count_may_goto(op);
        case call_helper:
            return run_helper(op);
        case call_subprogram:
            return call_function(op);
        case throw_exception:
            return throw_cookie(op);
        case tail_call:
            return enter_tail_callee();
        case exit:
            leave_frame();
            a_.ret();
            return;
        case unreachable:  // the second slot of ld_imm64: decode() refuses any other
            return;
    }
}

}  // namespace graft::x86_64
