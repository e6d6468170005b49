#include "isa/assemble.h"

#include <gtest/gtest.h>

#include <cstring>

namespace graft {
namespace {

AssembleNames some_names() {
    return {[](std::string_view name) -> std::optional<uint32_t> {
        if (name == "bpf_map_lookup_elem") return 1;
        return std::nullopt;
    }};
}

std::string words(const bpf_insn& insn) {
    return fmt::format("{:02x} {} {} {} {}", insn.code, unsigned{insn.dst_reg}, unsigned{insn.src_reg}, insn.off, insn.imm);
}

std::string assembled(std::string_view text) {
    Log log(Log::level1, 4096);
    const auto assembly = assemble(text, some_names(), log);
    if (!assembly.ok()) return std::string(log.text());
    std::string all;
    for (const bpf_insn& insn : assembly->insns) all += (all.empty() ? "" : "; ") + words(insn);
    return all;
}

struct Row {
    const char* text;
    const char* insns;  // opcode dst src off imm
};

class AssembleEach : public ::testing::TestWithParam<Row> {};
TEST_P(AssembleEach, GivesTheInstruction) { EXPECT_EQ(assembled(GetParam().text), GetParam().insns) << GetParam().text; }

INSTANTIATE_TEST_SUITE_P(Isa, AssembleEach,
                         ::testing::Values(Row{"exit", "95 0 0 0 0"}, Row{"r0 = 5", "b7 0 0 0 5"}, Row{"r0 = -5", "b7 0 0 0 -5"},
                                           Row{"w0 = 0xffffffff", "b4 0 0 0 -1"}, Row{"r1 = r2", "bf 1 2 0 0"},
                                           Row{"w1 = w2", "bc 1 2 0 0"}, Row{"r1 = (s8)r2", "bf 1 2 8 0"},
                                           Row{"w1 = (s16)w2", "bc 1 2 16 0"}, Row{"r1 = (s32)r2", "bf 1 2 32 0"},
                                           Row{"r1 += r2", "0f 1 2 0 0"}, Row{"r1 -= 1", "17 1 0 0 1"}, Row{"w1 *= 3", "24 1 0 0 3"},
                                           Row{"r1 /= 3", "37 1 0 0 3"}, Row{"r1 s/= r3", "3f 1 3 1 0"}, Row{"w1 s%= 3", "94 1 0 1 3"},
                                           Row{"r1 %= 3", "97 1 0 0 3"}, Row{"r1 |= 1", "47 1 0 0 1"}, Row{"r1 &= -8", "57 1 0 0 -8"},
                                           Row{"r1 ^= r1", "af 1 1 0 0"}, Row{"r1 <<= 32", "67 1 0 0 32"}, Row{"r1 >>= 32", "77 1 0 0 32"},
                                           Row{"r1 s>>= 32", "c7 1 0 0 32"}, Row{"r1 = -r1", "87 1 0 0 0"}, Row{"w1 = -w1", "84 1 0 0 0"},
                                           Row{"r1 = be16 r1", "dc 1 0 0 16"}, Row{"r1 = le64 r1", "d4 1 0 0 64"},
                                           Row{"r1 = bswap32 r1", "d7 1 0 0 32"}));

INSTANTIATE_TEST_SUITE_P(Memory, AssembleEach,
                         ::testing::Values(Row{"r1 = *(u8 *)(r2 + 1)", "71 1 2 1 0"}, Row{"r1 = *(u16 *)(r2 +2)", "69 1 2 2 0"},
                                           Row{"r1 = *(u32*)(r2-4)", "61 1 2 -4 0"}, Row{"r1 = *(u64 *)(r2 + 0x10)", "79 1 2 16 0"},
                                           Row{"r1 = *(s32 *)(r2 + 0)", "81 1 2 0 0"}, Row{"*(u8 *)(r10 - 1) = r3", "73 10 3 -1 0"},
                                           Row{"*(u64 *)(r10 - 8) = 7", "7a 10 0 -8 7"}, Row{"lock *(u64 *)(r1 + 0) += r2", "db 1 2 0 0"},
                                           Row{"lock *(u32 *)(r1 + 4) |= r2", "c3 1 2 4 64"},
                                           Row{"r2 = atomic64_fetch_add((u64 *)(r1 + 0), r2)", "db 1 2 0 1"},
                                           Row{"r2 = atomic_xchg((u32 *)(r1 + 0), r2)", "c3 1 2 0 225"},
                                           Row{"r0 = atomic64_cmpxchg((u64 *)(r1 + 8), r0, r2)", "db 1 2 8 241"},
                                           Row{"r0 = *(u16 *)skb[12]", "28 0 0 0 12"}, Row{"r0 = *(u8 *)skb[r6 + 1]", "50 0 6 0 1"}));

INSTANTIATE_TEST_SUITE_P(Jumps, AssembleEach,
                         ::testing::Values(Row{"goto +3", "05 0 0 3 0"}, Row{"goto pc-1", "05 0 0 -1 0"},
                                           Row{"gotol +70000", "06 0 0 0 70000"}, Row{"may_goto pc+2", "e5 0 0 2 0"},
                                           Row{"if r1 == 0 goto +1", "15 1 0 1 0"}, Row{"if r1 s>= r2 goto +1", "7d 1 2 1 0"},
                                           Row{"if w1 & 8 goto +1", "46 1 0 1 8"}, Row{"if r1 > r2 goto pc+1", "2d 1 2 1 0"},
                                           Row{"if w1 s< -1 goto +1", "c6 1 0 1 -1"}, Row{"call 5", "85 0 0 0 5"},
                                           Row{"call pc+2", "85 0 1 0 2"}, Row{"call pc-2", "85 0 1 0 -2"},
                                           Row{"call bpf_map_lookup_elem", "85 0 0 0 1"}, Row{"call bpf_map_lookup_elem#1", "85 0 0 0 1"},
                                           Row{"call unknown#500", "85 0 0 0 500"}, Row{".insn 0xff, 1, 2, -4, 7", "ff 1 2 -4 7"},
                                           Row{"r1 = 0x100000002 ll", "18 1 0 0 2; 00 0 0 0 1"},
                                           Row{"r1 = -1 ll", "18 1 0 0 -1; 00 0 0 0 -1"}, Row{"12: (b7) r0 = 1   ; R0_w=1", "b7 0 0 0 1"},
                                           Row{"  ; only a comment", ""}));

INSTANTIATE_TEST_SUITE_P(Refused, AssembleEach,
                         ::testing::Values(Row{"r0 =", "line 1: a register or a number is missing\n"},
                                           Row{"frob", "line 1: no such instruction\n"},
                                           Row{"r0 = 1 2", "line 1: something stands behind the instruction\n"},
                                           Row{"\nr0 = 0x1ffffffff", "line 2: the number does not fit 32 bits\n"},
                                           Row{"goto nowhere", "line 1: no label and no helper is called nowhere\n"},
                                           Row{"if r1 == w2 goto +1", "line 1: the two registers have different widths\n"},
                                           Row{"a:\na:", "line 2: the label is there already\n"},
                                           Row{"r1 = -r2", "line 1: a negation has one register\n"},
                                           Row{"r1 = *(u9 *)(r2 + 0)", "line 1: no such size\n"},
                                           Row{"r1 = *(u8 *)(r2 + 40000)", "line 1: the offset does not fit 16 bits\n"}));

TEST(Assemble, LabelsAreResolvedBothWays) {
    EXPECT_EQ(assembled("again:\n r0 = 0\n if r0 == 0 goto out\n goto again\nout:\n exit"),
              "b7 0 0 0 0; 15 0 0 1 0; 05 0 0 -3 0; 95 0 0 0 0");
}

TEST(Assemble, CallsOfLabelsAreSubprogramCalls) {
    EXPECT_EQ(assembled("call f\nexit\nr2 = func[f] ll\nf:\nexit"), "85 0 1 0 3; 95 0 0 0 0; 18 2 4 0 1; 00 0 0 0 0; 95 0 0 0 0");
}

TEST(Assemble, MapsAndDeclarationsAreHandedOn) {
    Log log;
    const auto assembly = assemble("global int main(struct xdp_md *ctx):\n r1 = map[counts] ll\n r2 = map[data][0]+8 ll\n exit", {}, log);
    ASSERT_TRUE(assembly.ok());
    ASSERT_EQ(assembly->map_uses.size(), 2U);
    EXPECT_EQ(assembly->map_uses[1].insn, 2U);
    EXPECT_EQ(assembly->map_uses[1].map, "data");
    EXPECT_EQ(assembly->insns[2].src_reg, BPF_PSEUDO_MAP_VALUE);
    EXPECT_EQ(assembly->insns[3].imm, 8);
    ASSERT_EQ(assembly->labels.size(), 1U);
    EXPECT_EQ(assembly->labels[0].name, "main");
    EXPECT_EQ(assembly->labels[0].declaration, "global int main(struct xdp_md *ctx)");
    EXPECT_EQ(assembly->lines, (std::vector<uint32_t>{2, 2, 3, 3, 4}));
}

}  // namespace
}  // namespace graft
