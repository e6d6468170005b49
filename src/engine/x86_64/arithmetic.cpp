// Arithmetic.  A 32-bit operation clears the upper half of its register, as on x86-64, so it needs no more than the 32-bit form.
#include <bit>

#include "engine/x86_64/function_compiler.h"

namespace graft::x86_64 {
namespace {

using enum Operation;

// The four forms of an operation stand together: 64k, 64x, 32k, 32x.
static_assert(static_cast<int>(add64k) == 0 && static_cast<int>(sub64k) == 4);
Operation form_64k(Operation operation) { return static_cast<Operation>(static_cast<int>(operation) & ~3); }
bool is_32(const Decoded& op) { return (static_cast<int>(op.operation) & 2) != 0; }
bool by_register(const Decoded& op) { return (static_cast<int>(op.operation) & 1) != 0; }

bool has_bmi2() { return asmjit::CpuInfo::host().features().x86().hasBMI2(); }

}  // namespace

void FunctionCompiler::arithmetic(const Decoded& op) {
    switch (form_64k(op.operation)) {
        case add64k:
            return binary(x86::Inst::kIdAdd, op);
        case sub64k:
            return binary(x86::Inst::kIdSub, op);
        case bit_or64k:
            return binary(x86::Inst::kIdOr, op);
        case bit_and64k:
            return binary(x86::Inst::kIdAnd, op);
        case bit_xor64k:
            return binary(x86::Inst::kIdXor, op);
        case mul64k:
            return multiply(op);
        case lsh64k:
        case rsh64k:
        case arsh64k:
            return shift(op);
        case mov64k:
            return move(op);
        default:
            return by_register(op) ? divide(op) : divide_by_constant(op);
    }
}

void FunctionCompiler::binary(x86::Inst::Id id, const Decoded& op) {
    const x86::Gp dst = sized(host(op.dst), is_32(op));
    if (by_register(op)) {
        a_.emit(id, dst, sized(host(op.src), is_32(op)));
    } else {
        a_.emit(id, dst, asmjit::Imm(static_cast<int32_t>(op.imm)));
    }
}

void FunctionCompiler::multiply(const Decoded& op) {
    const x86::Gp dst = sized(host(op.dst), is_32(op));
    if (by_register(op)) {
        a_.imul(dst, sized(host(op.src), is_32(op)));
    } else {
        a_.imul(dst, dst, asmjit::Imm(static_cast<int32_t>(op.imm)));
    }
}

void FunctionCompiler::move(const Decoded& op) {
    const x86::Gp dst = host(op.dst);
    if (!by_register(op)) return load_constant(dst, is_32(op) ? static_cast<uint32_t>(op.imm) : op.imm);
    const x86::Gp src = host(op.src);
    if (is_32(op)) {
        a_.mov(dst.r32(), src.r32());
    } else if (dst != src) {
        a_.mov(dst, src);
    }
}

void FunctionCompiler::load_constant(x86::Gp to, uint64_t value) {
    if (value == 0) {
        a_.xor_(to.r32(), to.r32());
    } else if (value <= UINT32_MAX) {
        a_.mov(to.r32(), value);
    } else {
        a_.mov(to, value);
    }
}

// Counts are taken modulo the width, as x86-64 does.  A count in a register is in cl there, which is R4, unless the processor has shlx.
void FunctionCompiler::shift(const Decoded& op) {
    const Operation kind = form_64k(op.operation);
    const x86::Gp dst = sized(host(op.dst), is_32(op));
    const auto id = kind == lsh64k ? x86::Inst::kIdShl : kind == rsh64k ? x86::Inst::kIdShr : x86::Inst::kIdSar;
    if (!by_register(op)) {
        const uint32_t count = static_cast<uint32_t>(op.imm) & (is_32(op) ? 31 : 63);
        if (count != 0) {
            a_.emit(id, dst, asmjit::Imm(count));
        } else if (is_32(op)) {
            a_.mov(dst, dst);
        }
        return;
    }
    static const bool bmi2 = has_bmi2();
    if (bmi2) {
        const auto extended = kind == lsh64k ? x86::Inst::kIdShlx : kind == rsh64k ? x86::Inst::kIdShrx : x86::Inst::kIdSarx;
        a_.emit(extended, dst, dst, sized(host(op.src), is_32(op)));
        return;
    }
    if (host(op.src) == x86::rcx) {
        a_.emit(id, dst, x86::cl);
    } else if (host(op.dst) == x86::rcx) {
        a_.mov(scratch, x86::rcx);
        a_.mov(x86::rcx, host(op.src));
        a_.emit(id, sized(scratch, is_32(op)), x86::cl);
        a_.mov(x86::rcx, scratch);
    } else {
        a_.mov(scratch, x86::rcx);
        a_.mov(x86::rcx, host(op.src));
        a_.emit(id, dst, x86::cl);
        a_.mov(x86::rcx, scratch);
    }
    if (is_32(op)) a_.mov(dst, dst);  // a count of 0 leaves the upper half
}

namespace {

struct Division {
    bool is_signed, wants_remainder, is_32;
    explicit Division(const Decoded& op)
        : is_signed(form_64k(op.operation) == sdiv64k || form_64k(op.operation) == smod64k),
          wants_remainder(form_64k(op.operation) == mod64k || form_64k(op.operation) == smod64k),
          is_32(graft::x86_64::is_32(op)) {}
};

// dst and scratch in; the quotient or the remainder in dst.  The divisor is neither 0 nor -1.
void emit_division(x86::Assembler& a, x86::Gp dst, const Division& division) {
    const x86::Gp high = sized(x86::rdx, division.is_32), divisor = sized(scratch, division.is_32);
    if (dst != x86::rax) a.mov(scratch2, x86::rax);
    if (dst != x86::rdx) a.mov(scratch3, x86::rdx);
    if (dst != x86::rax) a.mov(x86::rax, dst);
    if (!division.is_signed) {
        a.xor_(x86::edx, x86::edx);
        a.div(high, sized(x86::rax, division.is_32), divisor);
    } else {
        if (division.is_32) {
            a.cdq();
        } else {
            a.cqo();
        }
        a.idiv(high, sized(x86::rax, division.is_32), divisor);
    }
    const x86::Gp result = division.wants_remainder ? x86::rdx : x86::rax;
    if (dst != result) a.mov(dst, result);
    if (dst != x86::rax) a.mov(x86::rax, scratch2);
    if (dst != x86::rdx) a.mov(x86::rdx, scratch3);
}

// x / 0 is 0; x % 0 is x.
void emit_by_zero(x86::Assembler& a, x86::Gp dst, const Division& division) {
    if (!division.wants_remainder) {
        a.xor_(dst.r32(), dst.r32());
    } else if (division.is_32) {
        a.mov(dst.r32(), dst.r32());
    }
}

// x / -1 is -x, also for the smallest number, where idiv faults.
void emit_by_minus_one(x86::Assembler& a, x86::Gp dst, const Division& division) {
    if (division.wants_remainder) {
        a.xor_(dst.r32(), dst.r32());
    } else {
        a.neg(sized(dst, division.is_32));
    }
}

}  // namespace

void FunctionCompiler::divide(const Decoded& op) {
    const Division division(op);
    const x86::Gp dst = host(op.dst), divisor = sized(scratch, division.is_32);
    const asmjit::Label by_zero = a_.newLabel(), by_minus_one = a_.newLabel(), done = a_.newLabel();
    a_.mov(divisor, sized(host(op.src), division.is_32));
    a_.test(divisor, divisor);
    a_.short_().jz(by_zero);
    if (division.is_signed) {
        a_.cmp(divisor, -1);
        a_.short_().je(by_minus_one);
    }
    emit_division(a_, dst, division);
    a_.short_().jmp(done);
    if (division.is_signed) {
        a_.bind(by_minus_one);
        emit_by_minus_one(a_, dst, division);
        a_.short_().jmp(done);
    }
    a_.bind(by_zero);
    emit_by_zero(a_, dst, division);
    a_.bind(done);
}

void FunctionCompiler::divide_by_constant(const Decoded& op) {
    const Division division(op);
    const x86::Gp dst = host(op.dst);
    const uint64_t divisor = division.is_32 ? static_cast<uint32_t>(op.imm) : op.imm;
    if (divisor == 0) return emit_by_zero(a_, dst, division);
    if (division.is_signed && static_cast<int32_t>(op.imm) == -1) return emit_by_minus_one(a_, dst, division);
    if (!division.is_signed && std::has_single_bit(divisor) && divisor <= INT32_MAX) {
        const x86::Gp operand = sized(dst, division.is_32);
        if (division.wants_remainder) {
            a_.and_(operand, asmjit::Imm(static_cast<int32_t>(divisor - 1)));
        } else if (divisor != 1) {
            a_.shr(operand, std::countr_zero(divisor));
        } else if (division.is_32) {
            a_.mov(operand, operand);
        }
        return;
    }
    load_constant(scratch, divisor);
    emit_division(a_, dst, division);
}

// One operand: negation, sign extension, byte order.
void FunctionCompiler::convert(const Decoded& op) {
    const x86::Gp dst = host(op.dst), src = host(op.src);
    switch (op.operation) {
        case neg64:
            a_.neg(dst);
            return;
        case neg32:
            a_.neg(dst.r32());
            return;
        case movsx8_64:
            a_.movsx(dst, src.r8());
            return;
        case movsx16_64:
            a_.movsx(dst, src.r16());
            return;
        case movsx32_64:
            a_.movsxd(dst, src.r32());
            return;
        case movsx8_32:
            a_.movsx(dst.r32(), src.r8());
            return;
        case movsx16_32:
            a_.movsx(dst.r32(), src.r16());
            return;
        case zext16:
            a_.movzx(dst.r32(), dst.r16());
            return;
        case zext32:
            a_.mov(dst.r32(), dst.r32());
            return;
        case swap16:
            a_.ror(dst.r16(), 8);
            a_.movzx(dst.r32(), dst.r16());
            return;
        case swap32:
            a_.bswap(dst.r32());
            return;
        case swap64:
            a_.bswap(dst);
            return;
        default:  // zext64
            return;
    }
}

}  // namespace graft::x86_64
