// The opcodes of Linux 6.12 (cpu v4, may_goto; not the load-acquire and store-release of later kernels).
#include "verify/before/before.h"

namespace graft::verify {
namespace {

constexpr uint8_t jcond = 0xe0;  // may_goto

bool valid_alu(uint8_t op, uint8_t source, bool is64) {
    switch (op) {
        case BPF_NEG:
            return source == BPF_K;
        case BPF_END:
            return !is64 || source == BPF_K;  // to little and to big endian; with 64: an unconditional swap
        default:
            return op <= BPF_ARSH;
    }
}

bool valid_jump(uint8_t op, uint8_t source, bool is32) {
    switch (op) {
        case BPF_JA:
            return source == BPF_K;
        case BPF_CALL:
        case BPF_EXIT:
        case jcond:
            return !is32 && source == BPF_K;
        default:
            return op <= BPF_JSLE;
    }
}

bool valid_load(uint8_t mode, uint8_t size) {
    if (mode == BPF_IMM) return size == BPF_DW;
    return (mode == BPF_ABS || mode == BPF_IND) && size != BPF_DW;
}

}  // namespace

bool valid_opcode(uint8_t code) {
    const auto op = static_cast<uint8_t>(BPF_OP(code));
    const auto source = static_cast<uint8_t>(BPF_SRC(code));
    const auto mode = static_cast<uint8_t>(BPF_MODE(code));
    const auto size = static_cast<uint8_t>(BPF_SIZE(code));
    switch (BPF_CLASS(code)) {
        case BPF_ALU:
            return valid_alu(op, source, false);
        case BPF_ALU64:
            return valid_alu(op, source, true);
        case BPF_JMP:
            return valid_jump(op, source, false);
        case BPF_JMP32:
            return valid_jump(op, source, true);
        case BPF_LD:
            return valid_load(mode, size);
        case BPF_LDX:
            return mode == BPF_MEM || (mode == abi::memsx && size != BPF_DW);
        case BPF_ST:
            return mode == BPF_MEM;
        default:  // BPF_STX
            return mode == BPF_MEM || (mode == BPF_ATOMIC && (size == BPF_W || size == BPF_DW));
    }
}

}  // namespace graft::verify
