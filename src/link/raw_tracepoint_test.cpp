#include "link/raw_tracepoint.h"

#include <gtest/gtest.h>

#include <array>

#include "object/fake_caller.h"
#include "program/test_target.h"

namespace graft {
namespace {

TEST(RawTracepoint, TellsTheEventsName) {
    IdTable<Program> programs;
    IdTable<Btf> btfs;
    TargetRegistry targets{test::default_engine(), test::run_state()};
    const test::TargetProgram some{targets, programs, btfs};
    const auto link = make_ref<RawTracepointLink>(some.program, "sys_enter");
    FakeCaller caller;
    std::array<char, 16> name{};
    bpf_link_info info{};
    EXPECT_EQ(link->fill_info(caller, info).code(), 0);
    EXPECT_EQ(info.raw_tracepoint.tp_name_len, 10U);
    EXPECT_EQ(link->fill_info(caller, info).code(), EINVAL);  // a size and no buffer
    info.raw_tracepoint.tp_name = reinterpret_cast<uint64_t>(name.data());
    info.raw_tracepoint.tp_name_len = 16;
    EXPECT_EQ(link->fill_info(caller, info).code(), 0);
    EXPECT_STREQ(name.data(), "sys_enter");
    info.raw_tracepoint.tp_name_len = 4;
    EXPECT_EQ(link->fill_info(caller, info).code(), ENOSPC);
    EXPECT_STREQ(name.data(), "sys");
    EXPECT_EQ(info.raw_tracepoint.tp_name_len, 10U);
    EXPECT_TRUE(is_raw_tracepoint("sys_exit"));
    EXPECT_FALSE(is_raw_tracepoint("no_such_event"));
}

}  // namespace
}  // namespace graft
