// The interpreter: the portable reference that other engines are held against.
//
// A BPF call is a C++ call; a tail call goes on in the same frame, so it returns to the frame's caller.  Program memory is read and written
// as the host's, at any alignment; the verifier has proved that it may be.

#include <array>
#include <bit>
#include <cstddef>

#include "abi/bpf.h"
#include "abi/kernel_types.h"
#include "engine/arithmetic.h"
#include "engine/engine.h"
#include "engine/operation.h"
#include "engine/packet_load.h"
#include "engine/surround.h"
#include "map/map.h"
#include "map/tail_callee.h"

#define GRAFT_INLINE inline __attribute__((always_inline))
// What programs do to shared memory is theirs: their races are no races of graft.
#define GRAFT_PROGRAM_ACCESS __attribute__((no_sanitize("thread")))

namespace graft {
namespace {

template <class T>
struct __attribute__((packed, may_alias)) Unaligned {
    T value;
};

template <class T>
GRAFT_PROGRAM_ACCESS inline T load(uint64_t address) {
    return reinterpret_cast<const Unaligned<T>*>(address)->value;
}
// Through a pointer into a kernel object, which may be null.
template <class T>
GRAFT_PROGRAM_ACCESS inline T probe(uint64_t address) {
    return address < first_object_address ? T{} : load<T>(address);
}
template <class T>
GRAFT_PROGRAM_ACCESS inline void store(uint64_t address, uint64_t value) {
    reinterpret_cast<Unaligned<T>*>(address)->value = static_cast<T>(value);
}

// The verifier admits aligned addresses only.  `r0`: expected and found value of cmpxchg.  Fetching operations are ordered fully, others
// not.
template <class T>
void atomic(uint64_t address, uint64_t imm, uint64_t& source, uint64_t& r0) {
    T* at = reinterpret_cast<T*>(address);
    const T operand = static_cast<T>(source);
    switch (imm) {
        case BPF_ADD:
            __atomic_fetch_add(at, operand, __ATOMIC_RELAXED);
            return;
        case BPF_OR:
            __atomic_fetch_or(at, operand, __ATOMIC_RELAXED);
            return;
        case BPF_AND:
            __atomic_fetch_and(at, operand, __ATOMIC_RELAXED);
            return;
        case BPF_XOR:
            __atomic_fetch_xor(at, operand, __ATOMIC_RELAXED);
            return;
        case BPF_ADD | BPF_FETCH:
            source = __atomic_fetch_add(at, operand, __ATOMIC_SEQ_CST);
            return;
        case BPF_OR | BPF_FETCH:
            source = __atomic_fetch_or(at, operand, __ATOMIC_SEQ_CST);
            return;
        case BPF_AND | BPF_FETCH:
            source = __atomic_fetch_and(at, operand, __ATOMIC_SEQ_CST);
            return;
        case BPF_XOR | BPF_FETCH:
            source = __atomic_fetch_xor(at, operand, __ATOMIC_SEQ_CST);
            return;
        case BPF_XCHG:
            source = __atomic_exchange_n(at, operand, __ATOMIC_SEQ_CST);
            return;
        default: {  // BPF_CMPXCHG: r0 gets what was found, whether or not it was exchanged
            T expected = static_cast<T>(r0);
            __atomic_compare_exchange_n(at, &expected, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
            r0 = expected;
        }
    }
}

// The callee's image, when the array has a program at the index and the entry has tail calls left.
const Image* tail_callee(const Map& map, uint64_t index, RunContext& run) {
    if (run.tail_calls >= abi::max_tail_calls) return nullptr;
    const TailCallee* callee = map.tail_callee(static_cast<uint32_t>(index));
    if (callee == nullptr) return nullptr;
    ++run.tail_calls;
    return &current_image(*static_cast<const Program*>(callee), run);
}

uint64_t execute(const Image* image, const LinkedFunction* function, const Arguments& arguments, RunContext& run);

// By name: with what surrounds it.
uint64_t call(const Image& image, const LinkedFunction& function, const Arguments& arguments, RunContext& run) {
    if (function.surround < 0) [[likely]]
        return execute(&image, &function, arguments, run);
    const auto inner = [&](uint32_t index, const Arguments& given) { return call(image, image.functions[index], given, run); };
    return run_surrounded(image.surrounds[static_cast<uint32_t>(function.surround)], arguments, run, inner);
}

// An exception has come up to the main function of its program.
uint64_t caught(const Image& image, const LinkedFunction& main, const Decoded& op, RunContext& run) {
    run.thrown = false;
    return call(image, image.functions[image.callees[main.callees + static_cast<uint32_t>(op.off)]], {run.cookie}, run);
}

uint64_t execute(const Image* image, const LinkedFunction* function, const Arguments& arguments, RunContext& run) {
    alignas(16) std::byte stack[abi::max_stack];
    uint64_t r[11];
    for (size_t i = 0; i < arguments.size(); ++i) r[i + 1] = arguments[i];
    r[10] = reinterpret_cast<uint64_t>(stack + sizeof stack);
    const Decoded* next = static_cast<const Decoded*>(function->code);
    uint32_t may_goto_left = abi::max_may_goto;

    for (;;) {
        const Decoded& op = *next++;
        uint64_t& dst = r[op.dst];
        switch (op.operation) {
            using enum Operation;
#define GRAFT_ALU(name)                                                                                 \
    case name##64k:                                                                                     \
        dst = arithmetic::name<uint64_t>(dst, op.imm);                                                  \
        break;                                                                                          \
    case name##64x:                                                                                     \
        dst = arithmetic::name<uint64_t>(dst, r[op.src]);                                               \
        break;                                                                                          \
    case name##32k:                                                                                     \
        dst = arithmetic::name<uint32_t>(static_cast<uint32_t>(dst), static_cast<uint32_t>(op.imm));    \
        break;                                                                                          \
    case name##32x:                                                                                     \
        dst = arithmetic::name<uint32_t>(static_cast<uint32_t>(dst), static_cast<uint32_t>(r[op.src])); \
        break;
#define GRAFT_JUMP(name)                                                                                              \
    case name##64k:                                                                                                   \
        if (arithmetic::name<uint64_t>(dst, op.imm)) next += op.off;                                                  \
        break;                                                                                                        \
    case name##64x:                                                                                                   \
        if (arithmetic::name<uint64_t>(dst, r[op.src])) next += op.off;                                               \
        break;                                                                                                        \
    case name##32k:                                                                                                   \
        if (arithmetic::name<uint32_t>(static_cast<uint32_t>(dst), static_cast<uint32_t>(op.imm))) next += op.off;    \
        break;                                                                                                        \
    case name##32x:                                                                                                   \
        if (arithmetic::name<uint32_t>(static_cast<uint32_t>(dst), static_cast<uint32_t>(r[op.src]))) next += op.off; \
        break;
            GRAFT_ALU_OPERATIONS(GRAFT_ALU)
            GRAFT_JUMP_OPERATIONS(GRAFT_JUMP)
#undef GRAFT_JUMP
#undef GRAFT_ALU

            case neg64:
                dst = uint64_t{0} - dst;
                break;
            case neg32:
                dst = uint32_t{0} - static_cast<uint32_t>(dst);
                break;
            case movsx8_64:
                dst = arithmetic::sign_extend<int8_t>(r[op.src]);
                break;
            case movsx16_64:
                dst = arithmetic::sign_extend<int16_t>(r[op.src]);
                break;
            case movsx32_64:
                dst = arithmetic::sign_extend<int32_t>(r[op.src]);
                break;
            case movsx8_32:
                dst = arithmetic::sign_extend<int8_t>(static_cast<uint32_t>(r[op.src]));
                break;
            case movsx16_32:
                dst = arithmetic::sign_extend<int16_t>(static_cast<uint32_t>(r[op.src]));
                break;
            case zext16:
                dst = static_cast<uint16_t>(dst);
                break;
            case zext32:
                dst = static_cast<uint32_t>(dst);
                break;
            case zext64:
                break;
            case swap16:
                dst = __builtin_bswap16(static_cast<uint16_t>(dst));
                break;
            case swap32:
                dst = __builtin_bswap32(static_cast<uint32_t>(dst));
                break;
            case swap64:
                dst = __builtin_bswap64(dst);
                break;

            case ld_imm64:
                dst = op.imm;
                ++next;
                break;
            case ld_function:
                dst = reinterpret_cast<uint64_t>(&image->functions[image->callees[function->callees + op.subprogram]]);
                ++next;
                break;
            case ldx8:
                dst = load<uint8_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case ldx16:
                dst = load<uint16_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case ldx32:
                dst = load<uint32_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case ldx64:
                dst = load<uint64_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case ldsx8:
                dst = static_cast<uint64_t>(int64_t{load<int8_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case ldsx16:
                dst = static_cast<uint64_t>(int64_t{load<int16_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case ldsx32:
                dst = static_cast<uint64_t>(int64_t{load<int32_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case probe8:
                dst = probe<uint8_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case probe16:
                dst = probe<uint16_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case probe32:
                dst = probe<uint32_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case probe64:
                dst = probe<uint64_t>(r[op.src] + static_cast<uint64_t>(op.off));
                break;
            case probesx8:
                dst = static_cast<uint64_t>(int64_t{probe<int8_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case probesx16:
                dst = static_cast<uint64_t>(int64_t{probe<int16_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case probesx32:
                dst = static_cast<uint64_t>(int64_t{probe<int32_t>(r[op.src] + static_cast<uint64_t>(op.off))});
                break;
            case stx8:
                store<uint8_t>(dst + static_cast<uint64_t>(op.off), r[op.src]);
                break;
            case stx16:
                store<uint16_t>(dst + static_cast<uint64_t>(op.off), r[op.src]);
                break;
            case stx32:
                store<uint32_t>(dst + static_cast<uint64_t>(op.off), r[op.src]);
                break;
            case stx64:
                store<uint64_t>(dst + static_cast<uint64_t>(op.off), r[op.src]);
                break;
            case st8:
                store<uint8_t>(dst + static_cast<uint64_t>(op.off), op.imm);
                break;
            case st16:
                store<uint16_t>(dst + static_cast<uint64_t>(op.off), op.imm);
                break;
            case st32:
                store<uint32_t>(dst + static_cast<uint64_t>(op.off), op.imm);
                break;
            case st64:
                store<uint64_t>(dst + static_cast<uint64_t>(op.off), op.imm);
                break;
            case atomic32:
                atomic<uint32_t>(dst + static_cast<uint64_t>(op.off), op.imm, r[op.src], r[0]);
                break;
            case atomic64:
                atomic<uint64_t>(dst + static_cast<uint64_t>(op.off), op.imm, r[op.src], r[0]);
                break;

#define GRAFT_LOAD_PACKET(size, offset)                                                                                         \
    {                                                                                                                           \
        const auto loaded = load_from_packet(*reinterpret_cast<const abi::sk_buff*>(r[6]), static_cast<int32_t>(offset), size); \
        if (!loaded) return 0;                                                                                                  \
        r[0] = *loaded;                                                                                                         \
        break;                                                                                                                  \
    }
            case ld_abs8:
                GRAFT_LOAD_PACKET(1, op.imm)
            case ld_abs16:
                GRAFT_LOAD_PACKET(2, op.imm)
            case ld_abs32:
                GRAFT_LOAD_PACKET(4, op.imm)
            case ld_ind8:
                GRAFT_LOAD_PACKET(1, r[op.src] + op.imm)
            case ld_ind16:
                GRAFT_LOAD_PACKET(2, r[op.src] + op.imm)
            case ld_ind32:
                GRAFT_LOAD_PACKET(4, r[op.src] + op.imm)
#undef GRAFT_LOAD_PACKET

            case ja:
                next += op.off;
                break;
            case may_goto:
                if (may_goto_left == 0) {
                    next += op.off;
                } else {
                    --may_goto_left;
                }
                break;
            case call_helper:
                r[0] = op.helper(r[1], r[2], r[3], r[4], r[5]);
                break;
            case call_subprogram: {
                const LinkedFunction& callee = image->functions[image->callees[function->callees + op.subprogram]];
                r[0] = call(*image, callee, {r[1], r[2], r[3], r[4], r[5]}, run);
                if (op.unwinding == Unwinding::none || !run.thrown) break;
                return op.unwinding == Unwinding::ends ? caught(*image, *function, op, run) : 0;
            }
            case throw_exception:
                run.thrown = true;
                run.cookie = r[1];
                return op.unwinding == Unwinding::ends ? caught(*image, *function, op, run) : 0;
            case tail_call:
                if (const Image* callee = tail_callee(*reinterpret_cast<const Map*>(r[2]), r[3], run)) {
                    image = callee;
                    function = &image->functions.front();
                    next = static_cast<const Decoded*>(function->code);
                    may_goto_left = abi::max_may_goto;
                }
                break;
            case exit:
                return r[0];
            case unreachable:
                __builtin_trap();  // decode() refuses a program with one of these
        }
    }
}

class InterpreterCode final : public EngineCode {
public:
    explicit InterpreterCode(std::vector<Decoded> decoded) : operations(std::move(decoded)) {}
    uint32_t size_of(const Subprogram& function) const override { return function.length * static_cast<uint32_t>(sizeof(Decoded)); }
    const std::vector<Decoded> operations;
};

class Interpreter final : public Engine {
public:
    const char* name() const override { return "interpreter"; }

    Result<std::unique_ptr<EngineCode>> compile(const VerifiedProgram& program) const override {
        return std::unique_ptr<EngineCode>(std::make_unique<InterpreterCode>(TRY(decode(program))));
    }

    Result<void> link(Image& image) const override {
        for (LinkedFunction& function : image.functions) {
            if (function.surround >= 0) continue;
            const auto& code = static_cast<const InterpreterCode&>(function.program->engine_code());
            function.code = &code.operations[function.program->code().subprograms[function.subprogram].start];
        }
        for (LinkedFunction& function : image.functions) function.by_address.call = call_by_address;
        image.enter = enter;
        return {};
    }

private:
    static uint64_t call_by_address(const Callback& callback, const uint64_t* given, RunContext& run) {
        const LinkedFunction& function = linked(callback);
        Arguments arguments;
        std::copy_n(given, arguments.size(), arguments.begin());
        return call(*function.image, function, arguments, run);
    }
    static uint64_t enter(const Image& image, void* context, RunContext& run) {
        return call(image, image.functions[image.entry], {reinterpret_cast<uint64_t>(context)}, run);
    }
};

}  // namespace

const Engine& interpreter() {
    static const Interpreter engine;
    return engine;
}

}  // namespace graft
