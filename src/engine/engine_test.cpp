#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "abi/kernel_types.h"
#include "engine/each_engine_test_support.h"
#include "image/target_registry.h"
#include "map/tail_callee.h"
#include "program/test_program.h"

namespace graft {
namespace {

using namespace test;

struct Engines : EachEngine {};

struct Registry {
    const Engine& engine;
    TargetRegistry targets{engine, test::run_state()};
    // Keeps what it ran: an image without its program must not be entered.
    uint64_t run(const std::vector<Insns>& functions, void* context = nullptr) {
        const Ref<Program> program = make_program(functions, {}, engine);
        EXPECT_TRUE(targets.link(*program).ok());
        return test::run(*program, context);
    }
};

// --- arithmetic: R2 = a; R2 OP= b; return R2 -------------------------------------------------------------------------------------------

struct Arithmetic {
    int op;
    int off;
    uint64_t a, b;
    uint64_t expect64, expect32;
};

constexpr uint64_t min64 = 0x8000000000000000, ones = ~uint64_t{0};

const Arithmetic arithmetic_cases[] = {
    {BPF_ADD, 0, 5, 7, 12, 12},
    {BPF_ADD, 0, ones, 2, 1, 1},
    {BPF_ADD, 0, 0xffffffff, 1, 0x100000000, 0},
    {BPF_SUB, 0, 5, 7, ones - 1, 0xfffffffe},
    {BPF_MUL, 0, 0x100000001, 3, 0x300000003, 3},
    {BPF_MUL, 0, ones, ones, 1, 1},
    {BPF_DIV, 0, 100, 7, 14, 14},
    {BPF_DIV, 0, 100, 0, 0, 0},
    {BPF_DIV, 0, ones, 2, ones >> 1, 0x7fffffff},
    {BPF_DIV, 0, 0x1200000064, 0xffffffff, 0x12, 0},
    {BPF_DIV, 1, ones - 6, 2, ones - 2, 0xfffffffd},
    {BPF_DIV, 1, min64, ones, min64, 0},
    {BPF_DIV, 1, 0x80000000, ones, 0xffffffff80000000, 0x80000000},
    {BPF_DIV, 1, 9, 0, 0, 0},
    {BPF_MOD, 0, 100, 7, 2, 2},
    {BPF_MOD, 0, 0x500000064, 0, 0x500000064, 0x64},
    {BPF_MOD, 1, ones - 6, 3, ones, 0xffffffff},
    {BPF_MOD, 1, min64, ones, 0, 0},
    {BPF_MOD, 1, ones, 0, ones, 0xffffffff},
    {BPF_OR, 0, 0xf0f0, 0x0f0f, 0xffff, 0xffff},
    {BPF_AND, 0, 0xff00ff00ff00ff00, 0xffff0000, 0xff000000, 0xff000000},
    {BPF_XOR, 0, ones, 0xff, ones - 0xff, 0xffffff00},
    {BPF_LSH, 0, 1, 33, 0x200000000, 2},
    {BPF_LSH, 0, 1, 64, 1, 1},
    {BPF_RSH, 0, min64, 63, 1, 0},
    {BPF_RSH, 0, 0x80000000, 31, 1, 1},
    {BPF_ARSH, 0, min64, 63, ones, 0},
    {BPF_ARSH, 0, 0x80000000, 31, 1, 0xffffffff},
    {BPF_MOV, 0, 9, 0xffffffff80000001, 0xffffffff80000001, 0x80000001},
    {BPF_MOV, 8, 0, 0x80, 0xffffffffffffff80, 0xffffff80},
    {BPF_MOV, 8, 0, 0xff7f, 0x7f, 0x7f},
    {BPF_MOV, 16, 0, 0x18000, 0xffffffffffff8000, 0xffff8000},
};

TEST_P(Engines, ArithmeticByRegister) {
    Registry registry{engine()};
    for (const Arithmetic& c : arithmetic_cases) {
        for (const int cls : {BPF_ALU64, BPF_ALU}) {
            const uint64_t got = registry.run(
                {ld_imm64(2, c.a) + ld_imm64(3, c.b) + Insns{insn(cls | c.op | BPF_X, 2, 3, c.off, 0), mov_reg(0, 2), exit()}});
            EXPECT_EQ(got, cls == BPF_ALU64 ? c.expect64 : c.expect32) << std::hex << c.op << "/" << c.off << " " << c.a << " " << c.b;
        }
    }
}

TEST_P(Engines, ArithmeticByImmediate) {
    Registry registry{engine()};
    for (const Arithmetic& c : arithmetic_cases) {
        if (c.op == BPF_MOV && c.off != 0) continue;  // a sign-extending move has a register form only
        const int imm = static_cast<int>(c.b);
        if (static_cast<uint64_t>(int64_t{imm}) != c.b) continue;  // no immediate of that value
        for (const int cls : {BPF_ALU64, BPF_ALU}) {
            const uint64_t got =
                registry.run({ld_imm64(2, c.a) + Insns{insn(cls | c.op | BPF_K, 2, 0, c.off, imm), mov_reg(0, 2), exit()}});
            EXPECT_EQ(got, cls == BPF_ALU64 ? c.expect64 : c.expect32) << std::hex << c.op << "/" << c.off << " " << c.a << " " << c.b;
        }
    }
}

struct Unary {
    int code;
    int imm;
    uint64_t a, expect;
};

TEST_P(Engines, NegationByteOrderAndWideMove) {
    const Unary cases[] = {
        {BPF_ALU64 | BPF_NEG, 0, 5, ones - 4},
        {BPF_ALU64 | BPF_NEG, 0, min64, min64},
        {BPF_ALU | BPF_NEG, 0, 5, 0xfffffffb},
        {BPF_ALU | BPF_END | BPF_TO_LE, 16, 0x1122334455667788, 0x7788},
        {BPF_ALU | BPF_END | BPF_TO_LE, 32, 0x1122334455667788, 0x55667788},
        {BPF_ALU | BPF_END | BPF_TO_LE, 64, 0x1122334455667788, 0x1122334455667788},
        {BPF_ALU | BPF_END | BPF_TO_BE, 16, 0x1122334455667788, 0x8877},
        {BPF_ALU | BPF_END | BPF_TO_BE, 32, 0x1122334455667788, 0x88776655},
        {BPF_ALU | BPF_END | BPF_TO_BE, 64, 0x1122334455667788, 0x8877665544332211},
        {BPF_ALU64 | BPF_END | BPF_TO_LE, 16, 0x1122334455667788, 0x8877},
        {BPF_ALU64 | BPF_END | BPF_TO_LE, 32, 0x1122334455667788, 0x88776655},
        {BPF_ALU64 | BPF_END | BPF_TO_LE, 64, 0x1122334455667788, 0x8877665544332211},
    };
    Registry registry{engine()};
    for (const Unary& c : cases) {
        EXPECT_EQ(registry.run({ld_imm64(2, c.a) + Insns{insn(c.code, 2, 0, 0, c.imm), mov_reg(0, 2), exit()}}), c.expect)
            << std::hex << c.code << " " << c.imm << " " << c.a;
    }
    // The one sign-extending move that exists for 64 bits only.
    EXPECT_EQ(registry.run({ld_imm64(3, 0x180000000) + Insns{insn(BPF_ALU64 | BPF_MOV | BPF_X, 0, 3, 32, 0), exit()}}), 0xffffffff80000000);
}

// --- jumps: taken or not, in 64 and 32 bits --------------------------------------------------------------------------------------------

struct Jump {
    int op;
    uint64_t a, b;
    bool taken64, taken32;
};

const Jump jump_cases[] = {
    {BPF_JEQ, 5, 5, true, true},
    {BPF_JEQ, 0x100000005, 5, false, true},
    {BPF_JNE, 5, 5, false, false},
    {BPF_JNE, 0x100000005, 5, true, false},
    {BPF_JGT, ones, 5, true, true},
    {BPF_JGT, 5, 5, false, false},
    {BPF_JGT, 0x100000000, 5, true, false},
    {BPF_JGE, 5, 5, true, true},
    {BPF_JGE, 4, 5, false, false},
    {BPF_JLT, 4, 5, true, true},
    {BPF_JLT, ones, 5, false, false},
    {BPF_JLE, 5, 5, true, true},
    {BPF_JLE, 6, 5, false, false},
    {BPF_JSET, 6, 2, true, true},
    {BPF_JSET, 5, 2, false, false},
    {BPF_JSET, 0x100000000, 0xffffffff80000000, true, false},
    {BPF_JSGT, ones, 5, false, false},
    {BPF_JSGT, 6, 5, true, true},
    {BPF_JSGT, 0x80000000, ones, true, false},
    {BPF_JSGE, 5, 5, true, true},
    {BPF_JSGE, ones, 0, false, false},
    {BPF_JSLT, ones, 5, true, true},
    {BPF_JSLT, 5, 5, false, false},
    {BPF_JSLT, 0x80000000, 0, false, true},
    {BPF_JSLE, 5, 5, true, true},
    {BPF_JSLE, 6, ones, false, false},
};

TEST_P(Engines, ConditionalJumps) {
    Registry registry{engine()};
    for (const Jump& c : jump_cases) {
        for (const int cls : {BPF_JMP, BPF_JMP32}) {
            const bool expect = cls == BPF_JMP ? c.taken64 : c.taken32;
            const Insns tail{mov(0, 1), exit(), mov(0, 2), exit()};
            const Insns by_register{insn(cls | c.op | BPF_X, 2, 3, 2, 0)};
            EXPECT_EQ(registry.run({ld_imm64(2, c.a) + ld_imm64(3, c.b) + by_register + tail}), expect ? 2U : 1U) << std::hex << c.op;
            const int imm = static_cast<int>(c.b);
            if (static_cast<uint64_t>(int64_t{imm}) != c.b) continue;
            const Insns by_immediate{insn(cls | c.op | BPF_K, 2, 0, 2, imm)};
            EXPECT_EQ(registry.run({ld_imm64(2, c.a) + by_immediate + tail}), expect ? 2U : 1U) << std::hex << c.op;
        }
    }
}

TEST_P(Engines, GotoShortLongAndBackwards) {
    Registry registry{engine()};
    EXPECT_EQ(registry.run({{mov(0, 1), insn(BPF_JMP | BPF_JA, 0, 0, 1, 0), mov(0, 2), exit()}}), 1U);
    EXPECT_EQ(registry.run({{mov(0, 1), insn(BPF_JMP32 | BPF_JA, 0, 0, 0, 1), mov(0, 2), exit()}}), 1U);
    // Sums 5 + 4 + ... + 1.
    EXPECT_EQ(registry.run({{mov(0, 0), mov(2, 5), add_reg(0, 2), add(2, -1), insn(BPF_JMP | BPF_JNE | BPF_K, 2, 0, -3, 0), exit()}}), 15U);
}

// --- memory ---------------------------------------------------------------------------------------------------------------------------

TEST_P(Engines, LoadsWidenAndStoresCut) {
    struct Case {
        int store, load;
        uint64_t expect;
    };
    const Case cases[] = {
        {BPF_B, BPF_LDX | BPF_MEM | BPF_B, 0x88},
        {BPF_H, BPF_LDX | BPF_MEM | BPF_H, 0xf788},
        {BPF_W, BPF_LDX | BPF_MEM | BPF_W, 0xd5e6f788},
        {BPF_DW, BPF_LDX | BPF_MEM | BPF_DW, 0x91a2b3c4d5e6f788},
        {BPF_DW, BPF_LDX | abi::memsx | BPF_B, 0xffffffffffffff88},
        {BPF_DW, BPF_LDX | abi::memsx | BPF_H, 0xfffffffffffff788},
        {BPF_DW, BPF_LDX | abi::memsx | BPF_W, 0xffffffffd5e6f788},
        {BPF_B, BPF_LDX | BPF_MEM | BPF_DW, 0x0101010101010188},
        {BPF_H, BPF_LDX | BPF_MEM | BPF_DW, 0x010101010101f788},
        {BPF_W, BPF_LDX | BPF_MEM | BPF_DW, 0x01010101d5e6f788},
    };
    Registry registry{engine()};
    for (const Case& c : cases) {
        for (const int offset : {-8, -11}) {  // any alignment
            std::array<unsigned char, 32> memory;
            memory.fill(1);
            EXPECT_EQ(registry.run({ld_imm64(3, 0x91a2b3c4d5e6f788) + Insns{add(1, 16), insn(BPF_STX | BPF_MEM | c.store, 1, 3, offset, 0),
                                                                            insn(c.load, 0, 1, offset, 0), exit()}},
                                   memory.data()),
                      c.expect)
                << std::hex << c.store << " " << c.load;
            EXPECT_EQ(memory[static_cast<size_t>(16 + offset - 1)], 1);
        }
    }
}

TEST_P(Engines, LoadsFromObjectsMeetNull) {
    const int loads[] = {BPF_LDX | abi::probe_mem | BPF_B,  BPF_LDX | abi::probe_mem | BPF_H,   BPF_LDX | abi::probe_mem | BPF_W,
                         BPF_LDX | abi::probe_mem | BPF_DW, BPF_LDX | abi::probe_memsx | BPF_B, BPF_LDX | abi::probe_memsx | BPF_H,
                         BPF_LDX | abi::probe_memsx | BPF_W};
    const uint64_t expected[] = {0x88, 0xf788, 0xd5e6f788, 0x91a2b3c4d5e6f788, 0xffffffffffffff88, 0xfffffffffffff788, 0xffffffffd5e6f788};
    Registry registry{engine()};
    const std::array<uint64_t, 2> memory = {1, 0x91a2b3c4d5e6f788};
    for (size_t i = 0; i < std::size(loads); ++i) {
        const auto load = [&](uint64_t from) {
            return registry.run({ld_imm64(2, from) + Insns{mov(0, 7), insn(loads[i], 0, 2, 8, 0), exit()}});
        };
        EXPECT_EQ(load(reinterpret_cast<uint64_t>(memory.data())), expected[i]);
        EXPECT_EQ(load(0), 0U);
        EXPECT_EQ(load(first_object_address - 9), 0U);
        EXPECT_EQ(load(~uint64_t{7}), 0U);  // the offset leads to null
    }
}

TEST_P(Engines, StoresOfImmediates) {
    const std::pair<int, uint64_t> cases[] = {
        {BPF_B, 0x010101010101017f & ~0xffULL}, {BPF_H, 0x010101010101ff00}, {BPF_W, 0x01010101ffffff00}, {BPF_DW, 0xffffffffffffff00}};
    Registry registry{engine()};
    for (const auto& [size, expect] : cases) {
        uint64_t memory = 0x0101010101010101;
        registry.run({{insn(BPF_ST | BPF_MEM | size, 1, 0, 0, -256), mov(0, 0), exit()}}, &memory);
        EXPECT_EQ(memory, expect) << size;
    }
}

TEST_P(Engines, AtomicOperations) {
    struct Case {
        int imm;
        uint64_t result32, result64;  // in memory
        bool fetches;
    };
    constexpr uint64_t old = 0x1000000f0, operand = 0x2000000ff;
    const Case cases[] = {
        {BPF_ADD, 0x1000001ef, 0x3000001ef, false},
        {BPF_OR, 0x1000000ff, 0x3000000ff, false},
        {BPF_AND, 0x1000000f0, 0xf0, false},
        {BPF_XOR, 0x10000000f, 0x30000000f, false},
        {BPF_ADD | BPF_FETCH, 0x1000001ef, 0x3000001ef, true},
        {BPF_OR | BPF_FETCH, 0x1000000ff, 0x3000000ff, true},
        {BPF_AND | BPF_FETCH, 0x1000000f0, 0xf0, true},
        {BPF_XOR | BPF_FETCH, 0x10000000f, 0x30000000f, true},
        {BPF_XCHG, 0x1000000ff, 0x2000000ff, true},
    };
    Registry registry{engine()};
    for (const Case& c : cases) {
        for (const int size : {BPF_W, BPF_DW}) {
            uint64_t memory = old;
            const uint64_t source = registry.run(
                {ld_imm64(3, operand) + Insns{insn(BPF_STX | BPF_ATOMIC | size, 1, 3, 0, c.imm), mov_reg(0, 3), exit()}}, &memory);
            EXPECT_EQ(memory, size == BPF_W ? c.result32 : c.result64) << std::hex << c.imm;
            const uint64_t fetched = size == BPF_W ? (old & 0xffffffff) : old;
            EXPECT_EQ(source, c.fetches ? fetched : operand) << std::hex << c.imm;
        }
    }
}

TEST_P(Engines, CompareAndExchange) {
    Registry registry{engine()};
    for (const bool equal : {true, false}) {
        uint64_t memory = 7;
        const Insns code{mov(0, equal ? 7 : 8), mov(3, 9), insn(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 3, 0, BPF_CMPXCHG), exit()};
        EXPECT_EQ(registry.run({code}, &memory), 7U);
        EXPECT_EQ(memory, equal ? 9U : 7U);
    }
    // 32 bits: compares and returns the low half, zero-extended.
    uint64_t memory = 0x500000007;
    EXPECT_EQ(
        registry.run({ld_imm64(0, 0xffffffff00000007) + Insns{mov(3, 9), insn(BPF_STX | BPF_ATOMIC | BPF_W, 1, 3, 0, BPF_CMPXCHG), exit()}},
                     &memory),
        7U);
    EXPECT_EQ(memory, 0x500000009U);
}

// --- packets -------------------------------------------------------------------------------------------------------------------------

TEST_P(Engines, LoadsFromThePacketOrEndsTheFunction) {
    std::array<unsigned char, 64> memory{};
    for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<unsigned char>(i);
    abi::sk_buff skb{};
    skb.head = memory.data();
    skb.data = skb.head + 16;
    skb.len = 32;  // 16 .. 47
    skb.mac_header = 8;
    skb.network_header = 20;
    Registry registry{engine()};
    const auto load = [&](int code, uint64_t index, int imm) {
        return registry.run({ld_imm64(7, index) + Insns{mov_reg(6, 1), mov(0, 99), insn(BPF_LD | code, 0, 7, 0, imm), add(0, 1), exit()}},
                            &skb);
    };
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, 0), 16U + 1);
    EXPECT_EQ(load(BPF_ABS | BPF_H, 0, 2), 0x1213U + 1);
    EXPECT_EQ(load(BPF_ABS | BPF_W, 0, 28), 0x2c2d2e2fU + 1);
    EXPECT_EQ(load(BPF_ABS | BPF_W, 0, 29), 0U);  // the function ends with 0
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, 32), 0U);
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, -0x100000), 20U + 1);
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, -0x200000), 8U + 1);
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, -0x200000 - 1), 0U);
    EXPECT_EQ(load(BPF_ABS | BPF_B, 0, -1), 0U);
    EXPECT_EQ(load(BPF_IND | BPF_H, 3, 1), 0x1415U + 1);
    EXPECT_EQ(load(BPF_IND | BPF_B, ones, 1), 16U + 1);
    EXPECT_EQ(load(BPF_IND | BPF_W, 30, 0), 0U);
}

// In a subprogram it ends that one only.
TEST_P(Engines, AFailedPacketLoadReturnsToTheCaller) {
    abi::sk_buff skb{};
    std::array<unsigned char, 16> memory{};
    skb.head = skb.data = memory.data();
    Registry registry{engine()};
    EXPECT_EQ(
        registry.run({{call(1), add(0, 5), exit()}, {mov_reg(6, 1), insn(BPF_LD | BPF_ABS | BPF_B, 0, 0, 0, 0), mov(0, 70), exit()}}, &skb),
        5U);
}

TEST_P(Engines, MayGotoLeavesALoopInTheEnd) {
    Registry registry{engine()};
    // 0: r0 = 0  1: r0 += 1  2: may_goto +1  3: goto 1  4: exit
    const Insns loop{mov(0, 0), add(0, 1), insn(BPF_JMP | abi::jcond, 0, 0, 1, 0), insn(BPF_JMP | BPF_JA, 0, 0, -3, 0), exit()};
    EXPECT_EQ(registry.run({loop}), uint64_t{abi::max_may_goto} + 1);
    // Each call begins anew.
    EXPECT_EQ(registry.run({{call(1), mov_reg(6, 0), call(1), add_reg(0, 6), exit()}, loop}), 2 * (uint64_t{abi::max_may_goto} + 1));
}

// --- calls ----------------------------------------------------------------------------------------------------------------------------

TEST_P(Engines, ACalleeHasItsOwnStackAndSavedRegisters) {
    Registry registry{engine()};
    const Insns main{
        mov(6, 60),    insn(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 5),  mov(1, 1),     mov(2, 2), mov(3, 3), mov(4, 4), mov(5, 5), call(1),
        add_reg(0, 6), insn(BPF_LDX | BPF_MEM | BPF_DW, 1, 10, -8, 0), add_reg(0, 1), exit()};
    const Insns callee{mov(6, 1000),  insn(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 99),
                       mov_reg(0, 1), add_reg(0, 2),
                       add_reg(0, 3), add_reg(0, 4),
                       add_reg(0, 5), exit()};
    EXPECT_EQ(registry.run({main, callee}), 15U + 60U + 5U);
}

TEST_P(Engines, NestedCalls) {
    Registry registry{engine()};
    EXPECT_EQ(registry.run({{mov(1, 1), call(1), exit()}, {add(1, 1), call(2), add(0, 10), exit()}, {add(1, 1), mov_reg(0, 1), exit()}}),
              13U);
}

// --- tail calls -----------------------------------------------------------------------------------------------------------------------

class ProgramTable final : public Map {
public:
    explicit ProgramTable(IdTable<Map>& ids) : Map(MapSpec{}, ids) {}
    const TailCallee* tail_callee(uint32_t index) const override { return index < programs.size() ? programs[index].get() : nullptr; }
    std::vector<Ref<Program>> programs;

    void* lookup_element(const void*, uint32_t) override { return nullptr; }
    long update_element(const void*, const void*, uint64_t, uint32_t) override { return -EINVAL; }
    long delete_element(const void*) override { return -EINVAL; }
    Result<void> lookup(Bytes, MutableBytes, uint64_t) override { return fail(EINVAL); }
    Result<void> update(Caller&, Bytes, Bytes, uint64_t) override { return fail(EINVAL); }
    Result<void> erase(Bytes) override { return fail(EINVAL); }
    Result<void> next_key(std::optional<Bytes>, MutableBytes) override { return fail(EINVAL); }
    uint64_t memory() const override { return 0; }
};

struct TailCalls : Engines {
    TargetRegistry targets{engine(), test::run_state()};
    IdTable<Map> ids;
    ProgramTable table{ids};

    Insns tail_call(int index) {
        return ld_imm64(2, reinterpret_cast<uint64_t>(static_cast<Map*>(&table)), BPF_PSEUDO_MAP_FD) +
               Insns{mov(3, index), helper(BPF_FUNC_tail_call)};
    }
    Ref<Program> load(const std::vector<Insns>& functions) {
        Ref<Program> program = make_program(functions, {}, engine());
        EXPECT_TRUE(targets.link(*program).ok());
        return program;
    }
};

TEST_P(TailCalls, AnEmptySlotFallsThrough) {
    const Ref<Program> caller = load({tail_call(0) + Insns{mov(0, 7), exit()}});
    EXPECT_EQ(run(*caller), 7U);
}

TEST_P(TailCalls, TheCalleeGetsTheContextAndReturnsForTheCaller) {
    table.programs.push_back(load({{insn(BPF_LDX | BPF_MEM | BPF_DW, 0, 1, 0, 0), exit()}}));
    const Ref<Program> caller = load({tail_call(0) + Insns{mov(0, 7), exit()}});
    uint64_t context = 42;
    EXPECT_EQ(run(*caller, &context), 42U);
}

TEST_P(TailCalls, InASubprogramItReplacesThatFrameOnly) {
    table.programs.push_back(load({{mov(0, 30), exit()}}));
    const Ref<Program> caller = load({{mov(6, 1), call(1), add_reg(0, 6), exit()}, tail_call(0) + Insns{mov(0, 7), exit()}});
    EXPECT_EQ(run(*caller), 31U);
}

// A program that calls itself and counts: it runs 1 + 33 times, then falls through.
TEST_P(TailCalls, ThirtyThreeAnEntry) {
    const Insns counting{insn(BPF_LDX | BPF_MEM | BPF_DW, 0, 1, 0, 0), add(0, 1), insn(BPF_STX | BPF_MEM | BPF_DW, 1, 0, 0, 0)};
    const Ref<Program> self = load({counting + tail_call(0) + Insns{mov(0, 5), exit()}});
    table.programs.push_back(self);
    uint64_t context = 0;
    EXPECT_EQ(run(*self, &context), 5U);
    EXPECT_EQ(context, 34U);
    EXPECT_EQ(run(*self, &context), 5U);  // counted anew in each entry
    EXPECT_EQ(context, 68U);
    table.programs.clear();
}

TEST_P(Engines, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(engine().compile(verified({{helper(9999), exit()}})).code(), abi::enotsupp);
    EXPECT_EQ(engine().compile(verified({{insn(BPF_ALU64 | BPF_END, 0, 0, 0, 24), exit()}})).code(), abi::enotsupp);
    EXPECT_EQ(engine().compile(verified({{insn(BPF_STX | BPF_ATOMIC | BPF_B, 1, 0, 0, BPF_ADD), exit()}})).code(), abi::enotsupp);
}

TEST(ChosenEngine, ByTheEnvironment) {
    const char* const before = std::getenv("GRAFT_ENGINE");
    const std::string kept = before == nullptr ? "" : before;
    unsetenv("GRAFT_ENGINE");
    EXPECT_EQ(chosen_engine().value(), engines().front());
    for (const Engine* engine : engines()) {
        setenv("GRAFT_ENGINE", engine->name(), 1);
        EXPECT_EQ(chosen_engine().value(), engine);
    }
    setenv("GRAFT_ENGINE", "steam", 1);
    EXPECT_EQ(chosen_engine().code(), EINVAL);
    unsetenv("GRAFT_ENGINE");
    if (before != nullptr) setenv("GRAFT_ENGINE", kept.c_str(), 1);
}

GRAFT_ON_EACH_ENGINE(Engines);
GRAFT_ON_EACH_ENGINE(TailCalls);

}  // namespace
}  // namespace graft
