#include <gtest/gtest.h>

#include <cstring>

#include "abi/kernel_types.h"
#include "prog_type/prog_type.h"

// The tables themselves are compared with Linux by verifier-tests --linux; here: that they hang together.
namespace graft {
namespace {

TEST(ProgTypes, EachIsFoundByItsNumber) {
    for (const ProgType* type : prog_types()) {
        EXPECT_EQ(find_prog_type(type->type), type);
        EXPECT_NE(prog_type_name(type->type), nullptr);
        EXPECT_TRUE(type->attachable || type->partly != nullptr) << type->name << ": what cannot be attached says why";
    }
    EXPECT_EQ(find_prog_type(abi::prog_type_end), nullptr);
    EXPECT_STREQ(prog_type_name(abi::prog_type_netfilter), "NETFILTER");
    EXPECT_EQ(prog_type_name(abi::prog_type_end), nullptr);
}

// What a converted access does, run on a context in memory: loads into R0, stores of R2.
uint64_t interpret(const std::vector<bpf_insn>& insns, const void* context, uint64_t value) {
    uint64_t regs[11] = {0, reinterpret_cast<uintptr_t>(context), value};
    for (size_t i = 0; i < insns.size(); ++i) {
        const bpf_insn& insn = insns[i];
        const size_t size = BPF_SIZE(insn.code) == BPF_B ? 1 : BPF_SIZE(insn.code) == BPF_H ? 2 : BPF_SIZE(insn.code) == BPF_W ? 4 : 8;
        switch (BPF_CLASS(insn.code)) {
            case BPF_LDX: {
                uint64_t loaded = 0;
                std::memcpy(&loaded, reinterpret_cast<const char*>(regs[insn.src_reg]) + insn.off, size);
                regs[insn.dst_reg] = loaded;
                break;
            }
            case BPF_STX:
                std::memcpy(reinterpret_cast<char*>(regs[insn.dst_reg]) + insn.off, &regs[insn.src_reg], size);
                break;
            case BPF_ST:
                std::memcpy(reinterpret_cast<char*>(regs[insn.dst_reg]) + insn.off, &insn.imm, std::min<size_t>(size, 4));
                break;
            default: {
                const bool taken = BPF_OP(insn.code) == BPF_JA || (BPF_OP(insn.code) == BPF_JEQ && regs[insn.dst_reg] == 0) ||
                                   (BPF_OP(insn.code) == BPF_JGE && regs[insn.dst_reg] >= static_cast<uint64_t>(insn.imm));
                if (taken) i += static_cast<size_t>(insn.off);
                break;
            }
        }
    }
    return regs[0];
}

uint64_t load_field(const ProgType& type, const void* context, size_t offset) {
    return interpret(type.convert_ctx_access({BPF_LDX | BPF_MEM | BPF_W, 0, 1, static_cast<int16_t>(offset), 0}), context, 0);
}
void store_field(const ProgType& type, void* context, size_t offset, uint64_t value) {
    (void)interpret(type.convert_ctx_access({BPF_STX | BPF_MEM | BPF_W, 1, 2, static_cast<int16_t>(offset), 0}), context, value);
}

TEST(ProgTypes, XdpReadsTheFrame) {
    const ProgType& xdp = *find_prog_type(BPF_PROG_TYPE_XDP);
    abi::net_device in{}, out{};
    in.ifindex = 7;
    out.ifindex = 9;
    abi::xdp_rxq_info rxq{&in, 3, 0};
    abi::xdp_txq_info txq{&out};
    char frame[64];
    abi::xdp_buff buff{};
    buff.data = frame + 8;
    buff.data_end = frame + 60;
    buff.data_meta = frame;
    buff.rxq = &rxq;
    buff.txq = &txq;
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, data)), reinterpret_cast<uintptr_t>(frame + 8));
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, data_end)), reinterpret_cast<uintptr_t>(frame + 60));
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, data_meta)), reinterpret_cast<uintptr_t>(frame));
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, ingress_ifindex)), 7U);
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, rx_queue_index)), 3U);
    EXPECT_EQ(load_field(xdp, &buff, offsetof(xdp_md, egress_ifindex)), 9U);
}

TEST(ProgTypes, SkbFieldsAreReadAndWritten) {
    const ProgType& tc = *find_prog_type(BPF_PROG_TYPE_SCHED_CLS);
    abi::net_device device{};
    device.ifindex = 5;
    abi::sk_buff skb{};
    unsigned char frame[64];
    skb.dev = &device;
    skb.len = 60;
    skb.protocol = 8;
    skb.skb_iif = 4;
    skb.data = frame;
    abi::skb_control control{};
    control.pkt_len = 74;
    control.data_end = frame + 60;
    control.data_meta = frame;
    std::memcpy(skb.cb, &control, sizeof control);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, len)), 60U);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, protocol)), 8U);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, ingress_ifindex)), 4U);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, ifindex)), 5U);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, wire_len)), 74U);
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, data)), reinterpret_cast<uintptr_t>(frame));
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, data_end)), reinterpret_cast<uintptr_t>(frame + 60));
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, data_meta)), reinterpret_cast<uintptr_t>(frame));
    skb.dev = nullptr;
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, ifindex)), 0U);

    for (const size_t offset : {offsetof(__sk_buff, mark), offsetof(__sk_buff, priority), offsetof(__sk_buff, tc_index),
                                offsetof(__sk_buff, queue_mapping), offsetof(__sk_buff, tc_classid), offsetof(__sk_buff, cb[4])}) {
        store_field(tc, &skb, offset, 0x1234);
        EXPECT_EQ(load_field(tc, &skb, offset), 0x1234U) << offset;
    }
    store_field(tc, &skb, offsetof(__sk_buff, queue_mapping), 0xffff);
    EXPECT_EQ(skb.queue_mapping, 0x1234);  // no such queue
    EXPECT_EQ(load_field(tc, &skb, offsetof(__sk_buff, data_meta)), reinterpret_cast<uintptr_t>(frame)) << "cb spills over";
}

TEST(ProgTypes, EveryFieldThatMayBeAccessedIsConverted) {
    for (const ProgType* type : prog_types()) {
        if (type->convert_ctx_access == nullptr) continue;
        for (uint32_t offset = 0; offset < 256; offset += 4) {
            if (!type->ctx_access(offset, 4, false, BPF_XDP_DEVMAP)) continue;
            const auto insns = type->convert_ctx_access({BPF_LDX | BPF_MEM | BPF_W, 3, 4, static_cast<int16_t>(offset), 0});
            ASSERT_FALSE(insns.empty()) << type->name << " " << offset;
            EXPECT_EQ(insns.back().dst_reg, 3) << type->name << " " << offset;
            EXPECT_EQ(insns.front().src_reg, 4) << type->name << " " << offset;
        }
    }
}

}  // namespace
}  // namespace graft
