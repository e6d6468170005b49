// Instructions by name, for tests whose program must be exactly these bytes.
//
//     Program{mov(r0, XDP_PASS), exit()}
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace test {

enum Register : uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

// One instruction, or the two slots of a 64-bit immediate.
struct Code {
    bpf_insn slots[2];
    int count;
};

constexpr Code raw(int code, uint8_t dst, uint8_t src, int off, int32_t imm) {
    bpf_insn insn{};
    insn.code = static_cast<uint8_t>(code);
    insn.dst_reg = dst & 15U;
    insn.src_reg = src & 15U;
    insn.off = static_cast<int16_t>(off);
    insn.imm = imm;
    return {{insn, {}}, 1};
}
constexpr Code wide(uint8_t dst, uint8_t src, int32_t low, int32_t high) {
    Code code = raw(BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, low);
    code.slots[1] = raw(0, 0, 0, 0, high).slots[0];
    code.count = 2;
    return code;
}

constexpr Code mov(Register dst, int32_t imm) { return raw(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm); }
constexpr Code mov(Register dst, Register src) { return raw(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0); }
constexpr Code add(Register dst, int32_t imm) { return raw(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm); }
constexpr Code add(Register dst, Register src) { return raw(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0); }
constexpr Code load(int size, Register dst, Register src, int off) { return raw(BPF_LDX | BPF_MEM | size, dst, src, off, 0); }
constexpr Code store(int size, Register dst, int off, Register src) { return raw(BPF_STX | BPF_MEM | size, dst, src, off, 0); }
constexpr Code store(int size, Register dst, int off, int32_t imm) { return raw(BPF_ST | BPF_MEM | size, dst, 0, off, imm); }
constexpr Code jump(int off) { return raw(BPF_JMP | BPF_JA, 0, 0, off, 0); }
constexpr Code jump_if(int op, Register dst, int32_t imm, int off) { return raw(BPF_JMP | op | BPF_K, dst, 0, off, imm); }
constexpr Code jump_if(int op, Register dst, Register src, int off) { return raw(BPF_JMP | op | BPF_X, dst, src, off, 0); }
constexpr Code call(int32_t helper) { return raw(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
constexpr Code exit() { return raw(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
constexpr Code map_fd(Register dst, int fd) { return wide(dst, BPF_PSEUDO_MAP_FD, fd, 0); }
constexpr Code map_value(Register dst, int fd, int32_t offset) { return wide(dst, BPF_PSEUDO_MAP_VALUE, fd, offset); }

class Program : public std::vector<bpf_insn> {
public:
    Program(std::initializer_list<Code> codes) {
        for (const Code& code : codes) {
            for (int i = 0; i < code.count; i++) push_back(code.slots[i]);
        }
    }
};

}  // namespace test
