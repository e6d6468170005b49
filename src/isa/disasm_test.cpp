#include "isa/disasm.h"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>

#include "isa/assemble.h"
#include "isa/insn.h"

namespace graft {
namespace {

bpf_insn make(int code, unsigned dst, unsigned src, int off, int32_t imm) {
    bpf_insn insn{};
    insn.code = static_cast<uint8_t>(code);
    insn.dst_reg = dst & 15U;
    insn.src_reg = src & 15U;
    insn.off = static_cast<int16_t>(off);
    insn.imm = imm;
    return insn;
}

struct Row {
    int code;
    unsigned dst, src;
    int off;
    int32_t imm;
    const char* text;
};

// Each is what Linux 6.12 printed.
constexpr Row rows[] = {
    {0x04, 2, 0, 0, -1, "(04) w2 += -1"},
    {0x07, 2, 0, 0, INT32_MAX, "(07) r2 += 2147483647"},
    {0x0f, 2, 10, 0, 0, "(0f) r2 += r10"},
    {0x1c, 2, 0, 0, 0, "(1c) w2 -= w0"},
    {0x27, 2, 0, 0, 1, "(27) r2 *= 1"},
    {0x34, 2, 0, 0, 1, "(34) w2 /= 1"},
    {0x37, 2, 0, 1, -1, "(37) r2 s/= -1"},
    {0x3f, 2, 0, 1, 0, "(3f) r2 s/= r0"},
    {0x44, 2, 0, 0, 1, "(44) w2 |= 1"},
    {0x57, 2, 0, 0, 1, "(57) r2 &= 1"},
    {0x6c, 2, 0, 0, 0, "(6c) w2 <<= w0"},
    {0x77, 2, 0, 0, 1, "(77) r2 >>= 1"},
    {0x84, 2, 0, 0, 0, "(84) w2 = -w2"},
    {0x87, 2, 0, 0, 0, "(87) r2 = -r2"},
    {0x94, 2, 0, 1, -1, "(94) w2 s%= -1"},
    {0x9f, 2, 0, 0, 0, "(9f) r2 %= r0"},
    {0xa7, 2, 0, 0, 1, "(a7) r2 ^= 1"},
    {0xb4, 2, 0, 0, 1, "(b4) w2 = 1"},
    {0xb7, 2, 0, 0, -1, "(b7) r2 = -1"},
    {0xbc, 2, 0, 8, 0, "(bc) w2 = (s8)w0"},
    {0xbf, 2, 0, 0, 0, "(bf) r2 = r0"},
    {0xbf, 2, 0, 32, 0, "(bf) r2 = (s32)r0"},
    {0xbf, 2, 0, 1, 0, "(bf) r2 = addr_space_cast(r0, 0, 0)"},
    {0xc7, 2, 0, 0, 1, "(c7) r2 s>>= 1"},
    {0xcc, 2, 0, 0, 0, "(cc) w2 s>>= w0"},
    {0xd4, 2, 0, 0, 16, "(d4) r2 = le16 r2"},
    {0xdc, 2, 0, 0, 64, "(dc) r2 = be64 r2"},
    {0xd7, 2, 0, 0, 32, "(d7) r2 = bswap32 r2"},
    {0xd7, 2, 0, 0, -1, "(d7) r2 = bswap-1 r2"},

    {0x18, 2, 0, 0, 1, "(18) r2 = 0x123400000001"},
    {0x18, 2, 0, 0, -1, "(18) r2 = 0x1234ffffffff"},
    {0x20, 2, 0, 0, -1, "(20) r0 = *(u32 *)skb[-1]"},
    {0x30, 2, 0, 0, 1, "(30) r0 = *(u8 *)skb[1]"},
    {0x48, 2, 3, 0, 1, "(48) r0 = *(u16 *)skb[r3 + 1]"},
    {0x50, 2, 3, 0, -1, "(50) r0 = *(u8 *)skb[r3 + -1]"},
    {0x61, 2, 0, 0, 0, "(61) r2 = *(u32 *)(r0 +0)"},
    {0x71, 2, 10, -8, 0, "(71) r2 = *(u8 *)(r10 -8)"},
    {0x81, 2, 0, 1, 0, "(81) r2 = *(s32 *)(r0 +1)"},
    {0x91, 2, 0, 0, 0, "(91) r2 = *(s8 *)(r0 +0)"},
    {0x62, 2, 0, 0, 1, "(62) *(u32 *)(r2 +0) = 1"},
    {0x7a, 10, 0, -8, -1, "(7a) *(u64 *)(r10 -8) = -1"},
    {0x6b, 2, 0, 8, 0, "(6b) *(u16 *)(r2 +8) = r0"},

    {0xc3, 2, 0, 0, 0, "(c3) lock *(u32 *)(r2 +0) += r0"},
    {0xdb, 2, 3, -8, 0x40, "(db) lock *(u64 *)(r2 -8) |= r3"},
    {0xdb, 2, 3, -8, 0x50, "(db) lock *(u64 *)(r2 -8) &= r3"},
    {0xdb, 2, 3, -8, 0xa0, "(db) lock *(u64 *)(r2 -8) ^= r3"},
    {0xc3, 2, 3, 0, 0x01, "(c3) r3 = atomic_fetch_add((u32 *)(r2 +0), r3)"},
    {0xdb, 2, 3, 0, 0x41, "(db) r3 = atomic64_fetch_or((u64 *)(r2 +0), r3)"},
    {0xdb, 2, 3, 0, 0x51, "(db) r3 = atomic64_fetch_and((u64 *)(r2 +0), r3)"},
    {0xdb, 2, 3, 0, 0xa1, "(db) r3 = atomic64_fetch_xor((u64 *)(r2 +0), r3)"},
    {0xdb, 2, 3, 0, 0xe1, "(db) r3 = atomic64_xchg((u64 *)(r2 +0), r3)"},
    {0xc3, 2, 3, 0, 0xf1, "(c3) r0 = atomic_cmpxchg((u32 *)(r2 +0), r0, r3)"},

    {0x05, 0, 0, -2, 0, "(05) goto pc-2"},
    {0x06, 0, 0, 0, -4, "(06) gotol pc-4"},
    {0xe5, 0, 0, 1, 0, "(e5) may_goto pc+1"},
    {0xe5, 2, 1, -8, -1, "(e5) if r2 (null) 0xffffffff goto pc-8"},
    {0x95, 0, 0, 0, 0, "(95) exit"},
    {0x85, 0, 1, 0, 5, "(85) call pc+5"},
    {0x85, 0, 3, 0, 0, "(85) call unknown#0"},
    {0x15, 2, 0, -3, 3, "(15) if r2 == 0x3 goto pc-3"},
    {0x16, 2, 0, 0, -1, "(16) if w2 == 0xffffffff goto pc+0"},
    {0x1d, 2, 0, 0, 0, "(1d) if r2 == r0 goto pc+0"},
    {0x2e, 2, 0, 0, 0, "(2e) if w2 > w0 goto pc+0"},
    {0x35, 2, 0, 0, 1, "(35) if r2 >= 0x1 goto pc+0"},
    {0x45, 2, 0, 0, 1, "(45) if r2 & 0x1 goto pc+0"},
    {0x55, 2, 0, 0, 1, "(55) if r2 != 0x1 goto pc+0"},
    {0x6d, 2, 0, 0, 0, "(6d) if r2 s> r0 goto pc+0"},
    {0x76, 2, 0, 0, 1, "(76) if w2 s>= 0x1 goto pc+0"},
    {0xa5, 2, 0, 0, 1, "(a5) if r2 < 0x1 goto pc+0"},
    {0xb5, 2, 0, 0, 1, "(b5) if r2 <= 0x1 goto pc+0"},
    {0xc5, 2, 0, 0, 1, "(c5) if r2 s< 0x1 goto pc+0"},
    {0xde, 2, 0, 0, 0, "(de) if w2 s<= w0 goto pc+0"},
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.text; }

class Disasm : public testing::TestWithParam<Row> {};

TEST_P(Disasm, PrintsAsLinux) {
    const Row& row = GetParam();
    const std::array slots{make(row.code, row.dst, row.src, row.off, row.imm), make(0, 0, 0, 0, 0x1234)};
    EXPECT_EQ(disassemble(slots), row.text);
}

// What is printed can be assembled again, into the same bytes.
TEST_P(Disasm, IsUnderstoodByTheAssembler) {
    const Row& row = GetParam();
    const std::string text = row.text;
    if (text.find("(null)") != text.npos || text.find("unknown") != text.npos || text.find("bswap-") != text.npos ||
        text.find("addr_space_cast") != text.npos)
        return;  // not an instruction of a program
    Log log(Log::level1, 4096);
    const auto assembly = assemble("0: " + text + (row.code == 0x18 ? " ll" : ""), {}, log);
    ASSERT_TRUE(assembly.ok()) << log.text();
    EXPECT_EQ(disassemble(assembly.value().insns), text);
}

INSTANTIATE_TEST_SUITE_P(Rows, Disasm, testing::ValuesIn(rows));

TEST(DisasmNames, AreAskedForCallsAndWideImmediates) {
    DisasmNames names;
    names.call = [](const bpf_insn& insn) { return std::string(insn.src_reg == BPF_PSEUDO_KFUNC_CALL ? "bpf_a_kfunc" : "bpf_a_helper"); };
    names.imm64 = [](const bpf_insn& first, const bpf_insn&) { return first.src_reg == BPF_PSEUDO_MAP_FD ? std::string("map[7]") : "?"; };
    const auto text = [&names](const bpf_insn& insn) { return disassemble(std::array{insn, bpf_insn{}}, names); };
    EXPECT_EQ(text(make(0x85, 0, 0, 0, 3)), "(85) call bpf_a_helper#3");
    EXPECT_EQ(text(make(0x85, 0, BPF_PSEUDO_KFUNC_CALL, 0, 81)), "(85) call bpf_a_kfunc#81");
    EXPECT_EQ(text(make(0x85, 0, BPF_PSEUDO_CALL, 0, -3)), "(85) call pc-3");
    EXPECT_EQ(text(make(0x18, 1, BPF_PSEUDO_MAP_FD, 0, 5)), "(18) r1 = map[7]");
}

// The opcodes that Linux 6.12 shows in a log; the others it refuses before.
constexpr uint8_t shown_by_linux[] = {
    0x04, 0x05, 0x06, 0x07, 0x0c, 0x0f, 0x14, 0x15, 0x16, 0x17, 0x18, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x34, 0x35, 0x36, 0x37, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4c, 0x4d,
    0x4e, 0x4f, 0x50, 0x54, 0x55, 0x56, 0x57, 0x5c, 0x5d, 0x5e, 0x5f, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x69, 0x6a, 0x6b,
    0x6c, 0x6d, 0x6e, 0x6f, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x79, 0x7a, 0x7b, 0x7c, 0x7d, 0x7e, 0x7f, 0x81, 0x84, 0x85,
    0x87, 0x89, 0x91, 0x94, 0x95, 0x97, 0x9c, 0x9f, 0xa4, 0xa5, 0xa6, 0xa7, 0xac, 0xad, 0xae, 0xaf, 0xb4, 0xb5, 0xb6, 0xb7, 0xbc,
    0xbd, 0xbe, 0xbf, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd5, 0xd6, 0xd7, 0xdb, 0xdc, 0xdd, 0xde, 0xe5};

TEST(DisasmUnknown, IsNothingThatLinuxShows) {
    for (const uint8_t code : shown_by_linux) {
        const std::string text = disassemble(std::array{make(code, 0, 0, 0, 0)});
        EXPECT_FALSE(text.ends_with(" unknown")) << text;
    }
    EXPECT_EQ(disassemble(std::array{make(0xff, 0, 0, 0, 0)}), "(ff) unknown");
    EXPECT_EQ(disassemble(std::array{make(0xe4, 0, 0, 0, 0)}), "(e4) unknown");
    EXPECT_EQ(disassemble(std::array{make(0xc3, 2, 0, 0, 3)}), "(c3) unknown");
}

TEST(Insn, Questions) {
    EXPECT_EQ(length_of(make(0x18, 0, 0, 0, 0)), 2U);
    EXPECT_EQ(length_of(make(0xb7, 0, 0, 0, 0)), 1U);
    EXPECT_EQ(imm64_of(make(0x18, 0, 0, 0, -1), make(0, 0, 0, 0, 1)), 0x1ffffffffU);
    EXPECT_EQ(jump_offset_of(make(0x06, 0, 0, 5, -4)), -4);
    EXPECT_EQ(jump_offset_of(make(0x05, 0, 0, 5, -4)), 5);
    EXPECT_TRUE(is_conditional_jump(make(0x15, 0, 0, 0, 0)));
    EXPECT_FALSE(is_conditional_jump(make(0x85, 0, 0, 0, 0)));
    EXPECT_FALSE(is_conditional_jump(make(0xb7, 0, 0, 0, 0)));
    EXPECT_TRUE(is_may_goto(make(0xe5, 0, 0, 0, 0)));
    EXPECT_FALSE(is_goto(make(0xe5, 0, 0, 0, 0)));
    EXPECT_TRUE(is_movsx(make(0xbf, 0, 1, 16, 0)));
    EXPECT_FALSE(is_movsx(make(0xb7, 0, 0, 16, 0)));
    EXPECT_TRUE(fetches(make(0xdb, 0, 0, 0, BPF_CMPXCHG)));
    EXPECT_FALSE(fetches(make(0xdb, 0, 0, 0, BPF_ADD)));
    EXPECT_FALSE(is_atomic(make(0x7b, 0, 0, 0, 1)));
    EXPECT_EQ(access_size_of(make(0x69, 0, 0, 0, 0)), 2U);
    EXPECT_EQ(access_size_of(make(0x7b, 0, 0, 0, 0)), 8U);
}

}  // namespace
}  // namespace graft
