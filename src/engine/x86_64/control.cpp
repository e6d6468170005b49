// Jumps and calls.
#include <array>
#include <bit>
#include <cstddef>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "engine/engine.h"
#include "engine/packet_load.h"
#include "engine/x86_64/function_compiler.h"
#include "helper/run_context.h"
#include "map/map.h"

namespace graft::x86_64 {
namespace {

// Where a tail call goes on; null: nowhere, the program goes on.
const void* find_tail_callee(uint64_t, const Map* map, uint64_t index, RunContext* run) {
    if (run->tail_calls >= abi::max_tail_calls) return nullptr;
    const TailCallee* callee = map->tail_callee(static_cast<uint32_t>(index));
    if (callee == nullptr) return nullptr;
    ++run->tail_calls;
    const Image& image = current_image(*static_cast<const Program*>(callee), *run);
    return image.functions.front().code;
}

struct Loaded {  // in rax and rdx
    uint64_t value = 0;
    uint64_t found = 0;
};

Loaded find_in_packet(const abi::sk_buff* skb, int32_t offset, uint32_t size) {
    const std::optional<uint64_t> value = graft::load_from_packet(*skb, offset, size);
    return value ? Loaded{*value, 1} : Loaded{};
}

using x86::CondCode;
// In the order of GRAFT_JUMP_OPERATIONS.  jset: of `test`.
constexpr std::array conditions{CondCode::kEqual,      CondCode::kNotEqual,   CondCode::kUnsignedGT, CondCode::kUnsignedGE,
                                CondCode::kUnsignedLT, CondCode::kUnsignedLE, CondCode::kNotEqual,   CondCode::kSignedGT,
                                CondCode::kSignedGE,   CondCode::kSignedLT,   CondCode::kSignedLE};

}  // namespace

void FunctionCompiler::conditional_jump(const Decoded& op) {
    const int number = static_cast<int>(op.operation) - static_cast<int>(Operation::jeq64k);
    const bool is_32 = (number & 2) != 0, by_register = (number & 1) != 0;
    const bool tests = op.operation >= Operation::jset64k && op.operation <= Operation::jset32x;
    const x86::Gp dst = sized(host(op.dst), is_32), src = sized(host(op.src), is_32);
    const asmjit::Imm imm(static_cast<int32_t>(op.imm));
    if (tests) {
        by_register ? a_.test(dst, src) : a_.test(dst, imm);
    } else if (by_register) {
        a_.cmp(dst, src);
    } else if (op.imm == 0) {
        a_.test(dst, dst);  // the same flags as cmp with 0, and shorter
    } else {
        a_.cmp(dst, imm);
    }
    a_.j(conditions[static_cast<size_t>(number / 4)], target_of(op));
}

void FunctionCompiler::count_may_goto(const Decoded& op) {
    const x86::Mem budget = x86::dword_ptr(x86::rbp, frame_.may_goto_budget);
    a_.cmp(budget, 0);
    a_.je(target_of(op));
    a_.dec(budget);
}

void FunctionCompiler::run_helper(const Decoded& op) {
    const Inlined& inlined = inlined_[slot_];
    if (inlined.elements) return look_up(*inlined.elements);
    if (inlined.cpu) {
        a_.mov(x86::eax, x86::dword_ptr(run_context, offsetof(RunContext, cpu)));
        return;
    }
    call_native(reinterpret_cast<const void*>(op.helper));
}

// R2 points to the index; R0 becomes the element's address, or null.
void FunctionCompiler::look_up(const ElementArray& elements) {
    const asmjit::Label done = a_.newLabel();
    const x86::Gp index = scratch;
    a_.mov(index.r32(), x86::dword_ptr(host(r2)));
    a_.xor_(x86::eax, x86::eax);
    a_.cmp(index.r32(), asmjit::Imm(static_cast<int32_t>(elements.count)));
    a_.short_().jae(done);
    if (std::has_single_bit(elements.stride)) {
        a_.shl(index, std::countr_zero(elements.stride));
    } else {
        a_.imul(index, index, asmjit::Imm(elements.stride));
    }
    a_.mov(x86::rax, reinterpret_cast<uint64_t>(elements.base));
    a_.add(x86::rax, index);
    if (elements.cpu_stride != 0) {
        load_constant(index, elements.cpu_stride);
        a_.mov(scratch2.r32(), x86::dword_ptr(run_context, offsetof(RunContext, cpu)));
        a_.imul(index, scratch2);
        a_.add(x86::rax, index);
    }
    a_.bind(done);
}

void FunctionCompiler::call_native(const void* function) {
    a_.mov(x86::rax, reinterpret_cast<uint64_t>(function));
    a_.call(x86::rax);
}

void FunctionCompiler::call_number(uint64_t subprogram) {
    a_.db(0xe8);  // call rel32
    calls_.push_back({.at = static_cast<uint32_t>(a_.offset() - start_), .subprogram = static_cast<uint32_t>(subprogram)});
    a_.dd(0);
}

void FunctionCompiler::call_function(const Decoded& op) {
    call_number(op.subprogram);
    if (op.unwinding == Unwinding::none) return;
    const asmjit::Label returned = a_.newLabel();
    a_.cmp(x86::byte_ptr(run_context, offsetof(RunContext, thrown)), 0);
    a_.je(returned);
    unwind(op);
    a_.bind(returned);
}

void FunctionCompiler::throw_cookie(const Decoded& op) {
    a_.mov(x86::qword_ptr(run_context, offsetof(RunContext, cookie)), host(r1));
    a_.mov(x86::byte_ptr(run_context, offsetof(RunContext, thrown)), 1);
    unwind(op);
}

// Leaves the function; the main one after what catches was called.
void FunctionCompiler::unwind(const Decoded& op) {
    if (op.unwinding == Unwinding::ends) {
        a_.mov(x86::byte_ptr(run_context, offsetof(RunContext, thrown)), 0);
        a_.mov(host(r1), x86::qword_ptr(run_context, offsetof(RunContext, cookie)));
        call_number(static_cast<uint64_t>(op.off));
    }
    leave_frame();
    a_.ret();
}

void FunctionCompiler::load_function(const Decoded& op) {
    const uint32_t number = host(op.dst).id();
    a_.db(static_cast<uint8_t>(0x48 | number >> 3));  // mov r64, imm64
    a_.db(static_cast<uint8_t>(0xb8 | (number & 7)));
    calls_.push_back(
        {.at = static_cast<uint32_t>(a_.offset() - start_), .subprogram = static_cast<uint32_t>(op.subprogram), .is_address = true});
    a_.dq(0);
}

// R1 is the context, which the callee gets; R2 the map, R3 the index.  The callee takes this frame's place.
void FunctionCompiler::enter_tail_callee() {
    const asmjit::Label go_on = a_.newLabel();
    a_.push(x86::rdi);
    a_.sub(x86::rsp, 8);
    a_.mov(x86::rcx, run_context);
    call_native(reinterpret_cast<const void*>(find_tail_callee));
    a_.add(x86::rsp, 8);
    a_.pop(x86::rdi);
    a_.test(x86::rax, x86::rax);
    a_.jz(go_on);
    leave_frame();
    a_.jmp(x86::rax);
    a_.bind(go_on);
}

void FunctionCompiler::load_from_packet(const Decoded& op) {
    const bool is_indexed = op.operation >= Operation::ld_ind8;
    const auto first = is_indexed ? Operation::ld_ind8 : Operation::ld_abs8;
    const uint32_t size = 1U << (static_cast<int>(op.operation) - static_cast<int>(first));
    if (is_indexed) {
        a_.lea(x86::esi, x86::ptr(host(op.src), static_cast<int32_t>(op.imm)));
    } else {
        a_.mov(x86::esi, asmjit::Imm(static_cast<int32_t>(op.imm)));
    }
    a_.mov(x86::rdi, host(r6));
    a_.mov(x86::edx, size);
    call_native(reinterpret_cast<const void*>(find_in_packet));
    const asmjit::Label found = a_.newLabel();
    a_.test(x86::edx, x86::edx);
    a_.jnz(found);
    leave_frame();  // with 0 in rax
    a_.ret();
    a_.bind(found);
}

}  // namespace graft::x86_64
