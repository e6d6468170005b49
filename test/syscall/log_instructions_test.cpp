// How the log at level 2 shows an instruction: every opcode, with odd registers, offsets and immediates, as graft's disassembler does.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "isa/disasm.h"
#include "support/assembly.h"
#include "support/programs.h"

namespace test {
namespace {

// The instruction behind a start that gives every register and the top of the stack a value; most are refused, after they are shown.
struct Question {
    std::vector<bpf_insn> program;
    size_t at = 0;
};
Question question(const bpf_insn& insn, int32_t upper_half) {
    Question q;
    q.program = Program{store(BPF_DW, r10, -8, 1), mov(r0, 7), mov(r2, 2), mov(r3, 3)};
    q.at = q.program.size();
    q.program.push_back(insn);
    if (insn.code == (BPF_LD | BPF_IMM | BPF_DW)) q.program.push_back(wide(0, 0, 0, upper_half).slots[1]);
    for (int i = 0; i < 4; ++i) q.program.push_back(mov(r0, i).slots[0]);  // the targets of short jumps
    q.program.push_back(exit().slots[0]);
    return q;
}

// The line's text without number and register state; empty when the log does not show the instruction.
std::string shown(const std::string& log, size_t at) {
    const size_t start = log.find("\n" + std::to_string(at) + ": (");
    if (start == log.npos) return "";
    std::string line = log.substr(log.find('(', start));
    line.resize(line.find('\n'));
    if (const size_t state = line.find("; R"); state != line.npos) line.resize(state);
    line.resize(line.find_last_not_of(' ') + 1);
    return line;
}

class LogInstructions : public testing::TestWithParam<int> {};

TEST_P(LogInstructions, AreShownAsByTheDisassembler) {
    constexpr int offs[] = {0, 1, 8, 16, 32, -8};
    constexpr int imms[] = {0, 1, -1, 3, 16, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1};
    std::vector<char> log(1U << 16);
    std::set<int> opcodes;
    graft::DisasmNames names;
    names.call = [](const bpf_insn& insn) {
        return insn.src_reg != 0 ? "" : insn.imm == 0 ? "bpf_unspec" : insn.imm == 1 ? "bpf_map_lookup_elem" : "unknown";
    };
    for (int code = GetParam(); code < 256; code += 8) {
        for (const int off : offs) {
            for (const int imm : imms) {
                for (const unsigned src : {0U, 1U, 3U}) {
                    if (code == (BPF_JMP | BPF_CALL) && imm > 1) continue;
                    const bpf_insn insn = raw(code, imm == 16 ? 10 : 2, static_cast<uint8_t>(src), off, imm).slots[0];
                    const Question q = question(insn, 0x1234);
                    Attr attr = program_attr(BPF_PROG_TYPE_SOCKET_FILTER, q.program);
                    attr->log_buf = pointer(log.data());
                    attr->log_size = static_cast<uint32_t>(log.size());
                    attr->log_level = 2;
                    log[0] = '\0';
                    const Fd fd(attr.call(BPF_PROG_LOAD));
                    const std::string text = shown(log.data(), q.at);
                    if (text.empty()) continue;
                    opcodes.insert(code);
                    ASSERT_EQ(text, graft::disassemble(std::span(q.program).subspan(q.at), names)) << off << ' ' << imm << ' ' << src;
                }
            }
        }
    }
    // How many of the 32 opcodes of each class a log can show here (exit makes the rest unreachable, which is refused before).
    constexpr std::array<size_t, 8> shown_opcodes = {7, 7, 4, 6, 27, 25, 23, 26};
    EXPECT_EQ(opcodes.size(), shown_opcodes[static_cast<size_t>(GetParam())]);
}

INSTANTIATE_TEST_SUITE_P(Classes, LogInstructions, testing::Range(0, 8));

}  // namespace
}  // namespace test
