// The tables of program types, asked of a kernel row by row: every byte of each context, every helper.
//
// Registered for --linux only: what graft answers is these tables.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "prog_type/prog_type.h"
#include "support/load.h"
#include "support/prog_types.h"

namespace graft::test {
namespace {

struct Asked {
    const ProgType* type;
    uint32_t expected_attach_type;
    uint32_t ctx_size;  // offsets to ask for
    const char* name;
};

class Asking : public testing::Test {
public:
    Asking(const SystemCall& bpf, Asked asked) : bpf_(bpf), asked_(asked) {}

protected:
    // The log of a program that must not load; empty when it does.
    std::string refusal(const std::vector<bpf_insn>& insns) {
        bpf_attr attr{};
        attr.prog_type = asked_.type->type;
        attr.expected_attach_type = asked_.expected_attach_type;
        attr.insns = reinterpret_cast<uintptr_t>(insns.data());
        attr.insn_cnt = static_cast<uint32_t>(insns.size());
        attr.license = reinterpret_cast<uintptr_t>("GPL");
        attr.log_buf = reinterpret_cast<uintptr_t>(log_.data());
        attr.log_size = static_cast<uint32_t>(log_.size());
        attr.log_level = 1;
        log_[0] = '\0';
        const Fd program(static_cast<int>(bpf_(BPF_PROG_LOAD, attr, sizeof(attr))));
        return program ? std::string() : std::string(log_.c_str());
    }
    static bool has(const std::string& log, const char* text) { return log.find(text) != std::string::npos; }

    const SystemCall& bpf_;
    Asked asked_;
    std::string log_ = std::string(65536, '\0');
};

constexpr bpf_insn exit_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
constexpr bpf_insn return_zero{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0};

uint8_t size_code(uint32_t size) { return size == 1 ? BPF_B : size == 2 ? BPF_H : size == 4 ? BPF_W : BPF_DW; }

class AskContext final : public Asking {
public:
    using Asking::Asking;
    void TestBody() override {
        for (uint32_t offset = 0; offset < asked_.ctx_size; ++offset) {
            for (const uint32_t size : {1U, 2U, 4U, 8U}) {
                ask_write(offset, size);
                ask_read(offset, size);
            }
        }
    }

private:
    [[nodiscard]] std::optional<CtxAccess> expected(uint32_t offset, uint32_t size, bool is_write) const {
        return asked_.type->ctx_access(offset, size, is_write, asked_.expected_attach_type);
    }
    void ask_write(uint32_t offset, uint32_t size) {
        const bpf_insn store{static_cast<uint8_t>(BPF_ST | BPF_MEM | size_code(size)), 1, 0, static_cast<int16_t>(offset), 0};
        const std::string log = refusal({store, return_zero, exit_insn});
        EXPECT_EQ(log.empty(), expected(offset, size, true).has_value()) << asked_.name << ": write of " << size << " at " << offset << "\n"
                                                                         << log;
    }
    void ask_read(uint32_t offset, uint32_t size) {
        const auto allowed = expected(offset, size, false);
        const bpf_insn load{static_cast<uint8_t>(BPF_LDX | BPF_MEM | size_code(size)), 2, 1, static_cast<int16_t>(offset), 0};
        const std::string log = refusal({load, return_zero, exit_insn});
        EXPECT_EQ(log.empty(), allowed.has_value()) << asked_.name << ": read of " << size << " at " << offset << "\n" << log;
        if (!allowed || !log.empty()) return;
        // What the field is, by what the kernel says about using it as an address.
        const bpf_insn use{BPF_LDX | BPF_MEM | BPF_B, 0, 2, 0, 0};
        const std::string said = refusal({load, use, exit_insn});
        const char* words = nullptr;
        switch (allowed->field) {
            case CtxField::scalar:
                words = "R2 invalid mem access 'scalar'";
                break;
            case CtxField::packet:
            case CtxField::packet_meta:
                words = "invalid access to packet";
                break;
            case CtxField::packet_end:
                words = "R2 invalid mem access 'pkt_end'";
                break;
            case CtxField::sock_common_or_null:
                words = "R2 invalid mem access 'sock_common_or_null'";
                break;
            default:
                words = "?";
                break;
        }
        EXPECT_TRUE(has(said, words)) << asked_.name << " at " << offset << ": " << words << "\n" << said;
    }
};

class AskHelpers final : public Asking {
public:
    using Asking::Asking;
    void TestBody() override {
        for (int32_t id = 1; id <= 211; ++id) {
            const std::string log = refusal({bpf_insn{BPF_JMP | BPF_CALL, 0, 0, 0, id}, return_zero, exit_insn});
            EXPECT_EQ(has(log, "cannot use helper"), !asked_.type->allows_helper(static_cast<uint32_t>(id), asked_.expected_attach_type))
                << asked_.name << ": helper " << id << "\n"
                << log;
        }
    }
};

}  // namespace

void add_prog_type_tests(const SystemCall& bpf) {
    struct Row {
        uint32_t type, attach_type, ctx_size;
        const char* name;
    };
    constexpr Row rows[] = {
        {BPF_PROG_TYPE_XDP, 0, 32, "xdp"},
        {BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, 32, "xdp_devmap"},
        {BPF_PROG_TYPE_SCHED_CLS, 0, 200, "sched_cls"},
        {BPF_PROG_TYPE_SCHED_ACT, 0, 200, "sched_act"},
        {BPF_PROG_TYPE_SOCKET_FILTER, 0, 200, "socket_filter"},
        {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, 90, "cgroup_sock_create"},
        {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET4_POST_BIND, 90, "cgroup_sock_bind4"},
        {BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET6_POST_BIND, 90, "cgroup_sock_bind6"},
        {BPF_PROG_TYPE_KPROBE, 0, 180, "kprobe"},
        {BPF_PROG_TYPE_TRACEPOINT, 0, 40, "tracepoint"},
        {BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 110, "raw_tracepoint"},
    };
    for (const Row& row : rows) {
        const Asked asked{find_prog_type(row.type), row.attach_type, row.ctx_size, row.name};
        testing::RegisterTest("context", row.name, nullptr, nullptr, __FILE__, __LINE__,
                              [&bpf, asked]() -> testing::Test* { return new AskContext(bpf, asked); });
        testing::RegisterTest("helpers", row.name, nullptr, nullptr, __FILE__, __LINE__,
                              [&bpf, asked]() -> testing::Test* { return new AskHelpers(bpf, asked); });
    }
}

}  // namespace graft::test
