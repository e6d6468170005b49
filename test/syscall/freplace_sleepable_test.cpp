// Extensions and tracing programs of a sleepable program, one of type syscall.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <string>

#include "support/assembly.h"
#include "support/attach.h"
#include "support/btf_builder.h"
#include "support/programs.h"

namespace test {
namespace {

class FreplaceSleepable : public testing::Test {
protected:
    void SetUp() override {
        const uint32_t integer = types.integer("int", 4, BTF_INT_SIGNED);
        const uint32_t context = types.type("", BTF_KIND_PTR, 0, types.structure("context", 8, {{"a", integer}, {"b", integer}}, 32));
        main = types.function("main", types.prototype(integer, {{"ctx", context}}), BTF_FUNC_GLOBAL);
        function = types.function("function", types.prototype(integer, {{"v", integer}}), BTF_FUNC_GLOBAL);
        btf = Fd(types.load());
        ASSERT_TRUE(btf.ok());
        Attr attr = attr_of(BPF_PROG_TYPE_SYSCALL, calls, {{0, main}, {3, function}});
        attr->prog_flags = BPF_F_SLEEPABLE;
        target = Fd(attr.call(BPF_PROG_LOAD));
        ASSERT_ANSWER(0, target.error()) << log.c_str();
    }
    Attr attr_of(uint32_t type, const Program& code, std::vector<bpf_func_info> functions) {
        infos = std::move(functions);
        Attr attr = program_attr(type, code);
        attr->prog_btf_fd = btf.u();
        attr->func_info = pointer(infos.data());
        attr->func_info_cnt = static_cast<uint32_t>(infos.size());
        attr->func_info_rec_size = sizeof infos[0];
        attr->log_buf = pointer(log.data());
        attr->log_size = static_cast<uint32_t>(log.size());
        attr->log_level = 1;
        log[0] = '\0';
        return attr;
    }
    Fd load(uint32_t type, const Program& code, uint32_t attach_type = 0, uint32_t flags = 0, bool of_main = false) {
        Attr attr = attr_of(type, code, {{0, of_main ? main : function}});
        attr->expected_attach_type = attach_type;
        attr->prog_flags = flags;
        attr->attach_prog_fd = target.u();
        attr->attach_btf_id = of_main ? main : function;
        return Fd(attr.call(BPF_PROG_LOAD));
    }
    int ran() {
        Attr attr;
        attr->test.prog_fd = target.u();
        const long answer = attr.call(BPF_PROG_TEST_RUN);
        return answer != 0 ? static_cast<int>(answer) : static_cast<int>(attr->test.retval);
    }
    [[nodiscard]] std::string said(const Fd& program) const {
        std::string text = log.c_str();
        text = text.substr(0, text.find("processed "));
        while (!text.empty() && text.back() == '\n') text.pop_back();
        return name_of(program.error()) + " " + text.substr(text.rfind('\n') + 1);
    }
    // function(4), which gives back its argument
    static inline const Program calls{mov(r1, 4), raw(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 1), exit(), mov(r0, r1), exit()};
    static inline const Program seven{mov(r0, 7), exit()};
    static inline const Program zero{mov(r0, 0), exit()};
    static inline const Program sleeps{mov(r1, r10), add(r1, -8), mov(r2, 8), mov(r3, 0), call(BPF_FUNC_copy_from_user),
                                       mov(r0, 9),   exit()};
    BtfBuilder types;
    uint32_t main = 0, function = 0;
    Fd btf, target;
    std::vector<bpf_func_info> infos;
    std::string log = std::string(65536, '\0');
};

constexpr const char* might_sleep = "-EINVAL helper call might sleep in a non-sleepable prog";

TEST_F(FreplaceSleepable, AFunctionOfItIsReplaced) {
    EXPECT_EQ(4, ran());
    const Fd extension = load(BPF_PROG_TYPE_EXT, seven);
    ASSERT_ANSWER(0, extension.error()) << log.c_str();
    Fd link(attach(extension.get()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(7, ran());
    link.reset();
    EXPECT_EQ(4, ran());
}
// Its context is of no type that could be compared.
TEST_F(FreplaceSleepable, ItsMainFunctionIsNot) {
    EXPECT_EQ("-EINVAL Cannot replace static functions", said(load(BPF_PROG_TYPE_EXT, seven, 0, 0, true)));
}
TEST_F(FreplaceSleepable, AnExtensionDoesNotSleep) {
    EXPECT_EQ(might_sleep, said(load(BPF_PROG_TYPE_EXT, sleeps)));
    EXPECT_EQ("-EINVAL Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable",
              said(load(BPF_PROG_TYPE_EXT, seven, 0, BPF_F_SLEEPABLE)));
}
TEST_F(FreplaceSleepable, IsTracedByProgramsThatDoNot) {
    Attr attr;
    attr->enable_stats.type = BPF_STATS_RUN_TIME;
    const Fd statistics(attr.call(BPF_ENABLE_STATS));
    for (const bool of_main : {false, true}) {
        const Fd before = load(BPF_PROG_TYPE_TRACING, zero, BPF_TRACE_FENTRY, 0, of_main);
        ASSERT_ANSWER(0, before.error()) << log.c_str();
        const Fd link(attach(before.get(), 0, 0, BPF_TRACE_FENTRY));
        ASSERT_ANSWER(0, link.error());
        EXPECT_EQ(4, ran());
        EXPECT_EQ(1U, prog_info(before.get()).run_cnt);
        EXPECT_EQ(might_sleep, said(load(BPF_PROG_TYPE_TRACING, sleeps, BPF_TRACE_FENTRY, 0, of_main)));
        EXPECT_EQ(of_main ? "-EINVAL main is not sleepable" : "-EINVAL function is not sleepable",
                  said(load(BPF_PROG_TYPE_TRACING, zero, BPF_TRACE_FENTRY, BPF_F_SLEEPABLE, of_main)));
    }
}

}  // namespace
}  // namespace test
