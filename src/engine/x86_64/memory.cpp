// Loads, stores and atomic operations: at the address, whatever its alignment; the verifier has proved that it may be accessed.
#include "abi/bpf.h"
#include "engine/x86_64/function_compiler.h"

namespace graft::x86_64 {

using enum Operation;

namespace {

// Of one, two, four or eight bytes, or those with a sign, as the four loads and the three stand together in Operation.
void emit_load(x86::Assembler& a, x86::Gp dst, x86::Mem from, int size_log2, bool is_signed) {
    from.setSize(1U << size_log2);
    if (is_signed) {
        size_log2 == 2 ? a.movsxd(dst, from) : a.movsx(dst, from);
    } else if (size_log2 < 2) {
        a.movzx(dst.r32(), from);
    } else {
        a.mov(sized(dst, size_log2 == 2), from);
    }
}

}  // namespace

void FunctionCompiler::load(const Decoded& op) {
    const bool is_signed = op.operation >= ldsx8;
    const int size_log2 = static_cast<int>(op.operation) - static_cast<int>(is_signed ? ldsx8 : ldx8);
    emit_load(a_, host(op.dst), x86::ptr(host(op.src), op.off), size_log2, is_signed);
}

// Through a pointer into a kernel object: 0 where it is null.
void FunctionCompiler::probe(const Decoded& op) {
    const bool is_signed = op.operation >= probesx8;
    const int size_log2 = static_cast<int>(op.operation) - static_cast<int>(is_signed ? probesx8 : probe8);
    const x86::Gp dst = host(op.dst);
    const asmjit::Label is_null = a_.newLabel();
    a_.lea(scratch, x86::ptr(host(op.src), op.off));
    a_.xor_(dst.r32(), dst.r32());
    a_.cmp(scratch, asmjit::Imm(first_object_address));
    a_.short_().jb(is_null);
    emit_load(a_, dst, x86::ptr(scratch), size_log2, is_signed);
    a_.bind(is_null);
}

void FunctionCompiler::store(const Decoded& op) {
    const x86::Gp base = host(op.dst), src = host(op.src);
    switch (op.operation) {
        case stx8:
            a_.mov(x86::byte_ptr(base, op.off), src.r8());
            return;
        case stx16:
            a_.mov(x86::word_ptr(base, op.off), src.r16());
            return;
        case stx32:
            a_.mov(x86::dword_ptr(base, op.off), src.r32());
            return;
        case stx64:
            a_.mov(x86::qword_ptr(base, op.off), src);
            return;
        case st8:
            a_.mov(x86::byte_ptr(base, op.off), asmjit::Imm(static_cast<int8_t>(op.imm)));
            return;
        case st16:
            a_.mov(x86::word_ptr(base, op.off), asmjit::Imm(static_cast<int16_t>(op.imm)));
            return;
        case st32:
            a_.mov(x86::dword_ptr(base, op.off), asmjit::Imm(static_cast<int32_t>(op.imm)));
            return;
        default:  // st64
            a_.mov(x86::qword_ptr(base, op.off), asmjit::Imm(static_cast<int32_t>(op.imm)));
            return;
    }
}

void FunctionCompiler::atomic(const Decoded& op) {
    const bool is_32 = op.operation == atomic32;
    const x86::Gp src = sized(host(op.src), is_32);
    const x86::Mem at = x86::ptr(host(op.dst), op.off, is_32 ? 4 : 8);
    switch (op.imm) {
        case BPF_ADD:
            a_.lock().add(at, src);
            return;
        case BPF_OR:
            a_.lock().or_(at, src);
            return;
        case BPF_AND:
            a_.lock().and_(at, src);
            return;
        case BPF_XOR:
            a_.lock().xor_(at, src);
            return;
        case BPF_ADD | BPF_FETCH:
            a_.lock().xadd(at, src);
            return;
        case BPF_OR | BPF_FETCH:
            return fetch_by_exchange(x86::Inst::kIdOr, op);
        case BPF_AND | BPF_FETCH:
            return fetch_by_exchange(x86::Inst::kIdAnd, op);
        case BPF_XOR | BPF_FETCH:
            return fetch_by_exchange(x86::Inst::kIdXor, op);
        case BPF_XCHG:
            a_.xchg(at, src);
            return;
        default:  // BPF_CMPXCHG: R0 is rax already
            a_.lock().cmpxchg(at, src);
            if (is_32) a_.mov(x86::eax, x86::eax);  // not written when it was equal
            return;
    }
}

// There is no instruction that fetches and does one of these: tries until nobody came in between.  rax is what cmpxchg compares with, so
// R0 steps aside.
void FunctionCompiler::fetch_by_exchange(x86::Inst::Id id, const Decoded& op) {
    const bool is_32 = op.operation == atomic32;
    const auto aside = [](uint8_t reg) { return reg == r0 ? scratch2 : host(reg); };
    const x86::Mem at = x86::ptr(aside(op.dst), op.off, is_32 ? 4 : 8);
    const x86::Gp old = sized(x86::rax, is_32), wanted = sized(scratch, is_32);
    a_.mov(scratch2, x86::rax);
    a_.mov(old, at);
    const asmjit::Label again = a_.newLabel();
    a_.bind(again);
    a_.mov(wanted, old);
    a_.emit(id, wanted, sized(aside(op.src), is_32));
    a_.lock().cmpxchg(at, wanted);
    a_.short_().jne(again);
    if (op.src == r0) return;
    a_.mov(host(op.src), x86::rax);
    a_.mov(x86::rax, scratch2);
}

}  // namespace graft::x86_64
