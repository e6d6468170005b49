// freplace programs and their links through other fields and other commands, and through libbpf's functions.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cerrno>
#include <memory>

#include "support/attach_fixture.h"

namespace test {
namespace {

class FreplaceCommand : public FreplaceTest {};

// --- fields of LINK_CREATE -------------------------------------------------------------------------

TEST_F(FreplaceCommand, AttachTypeAndFlagsAreNotLookedAt) {
    for (uint32_t attach_type : {static_cast<uint32_t>(BPF_TRACE_FENTRY), 9999U}) {
        for (uint32_t flags : {0U, static_cast<uint32_t>(BPF_F_REPLACE)}) {
            Attr attr;
            attr->link_create.prog_fd = static_cast<uint32_t>(x.fd());
            attr->link_create.target_fd = static_cast<uint32_t>(two.fd());
            attr->link_create.target_btf_id = two.id("get_x");
            attr->link_create.attach_type = attach_type;
            attr->link_create.flags = flags;
            EXPECT_GE(Fd(attr.call(BPF_LINK_CREATE)).get(), 0) << attach_type << " " << flags;
        }
    }
}
// With BPF_STRUCT_OPS prog_fd is a map's.
TEST_F(FreplaceCommand, ALinkOfOperationsIsOfAMap) {
    constexpr uint32_t struct_ops = 44;
    EXPECT_ANSWER(-EINVAL, attach(x.fd(), two.fd(), two.id("get_x"), struct_ops));
    EXPECT_ANSWER(-EINVAL, attach(x.fd(), 0, 0, struct_ops));
    EXPECT_ANSWER(-EINVAL, attach(trace, 0, 0, struct_ops));
    EXPECT_ANSWER(-EBADF, attach(4095, 0, 0, struct_ops));
    EXPECT_GE(x.attach().get(), 0);
}
TEST_F(FreplaceCommand, ACookieIsAccepted) { EXPECT_GE(Fd(attach(x.fd(), two.fd(), two.id("get_x"), 0, 7)).get(), 0); }
TEST_F(FreplaceCommand, AProgramOfAnotherTypeIsEinval) { EXPECT_ANSWER(-EINVAL, attach(two.fd(), one.fd(), one.id("get_x"))); }

// --- other commands ----------------------------------------------------------------------------------

TEST_F(FreplaceCommand, ProgAttachIsEinval) {
    Attr attr;
    attr->target_fd = static_cast<uint32_t>(one.fd());
    attr->attach_bpf_fd = static_cast<uint32_t>(x.fd());
    EXPECT_ANSWER(-EINVAL, attr.call(BPF_PROG_ATTACH));
}
TEST_F(FreplaceCommand, TestRunOfAnExtensionIsEnotsupp) {
    EXPECT_ANSWER(-enotsupp, run(x.fd()).answer);
    Fd link = x.attach();
    EXPECT_ANSWER(-enotsupp, run(x.fd()).answer);
}
TEST_F(FreplaceCommand, LinkUpdateIsEinval) {
    Extension newer = extension("newer_x", "get_x");
    Fd link = x.attach();
    for (int program : {newer.fd(), x.fd()}) {
        Attr attr;
        attr->link_update.link_fd = link.u();
        attr->link_update.new_prog_fd = static_cast<uint32_t>(program);
        EXPECT_ANSWER(-EINVAL, attr.call(BPF_LINK_UPDATE));
    }
    EXPECT_EQ(replaced, ran());
}
TEST_F(FreplaceCommand, LinkDetachIsEopnotsupp) {
    Fd link = x.attach();
    Attr attr;
    attr->link_detach.link_fd = link.u();
    EXPECT_ANSWER(-EOPNOTSUPP, attr.call(BPF_LINK_DETACH));
    EXPECT_EQ(replaced, ran());
}
TEST_F(FreplaceCommand, RunsOfAnExtensionAreNotCounted) {
    Trace before("fentry_a", x.fd(), "new_x", trace);
    Fd link = x.attach(), traced = before.attach();
    Attr attr;
    attr->enable_stats.type = BPF_STATS_RUN_TIME;
    const Fd statistics(attr.call(BPF_ENABLE_STATS));
    ASSERT_ANSWER(0, statistics.error());
    ran();
    ran();
    EXPECT_EQ(2U, prog_info(one.fd()).run_cnt);
    EXPECT_EQ(2U, prog_info(before.fd()).run_cnt);
    EXPECT_EQ(0U, prog_info(x.fd()).run_cnt);
    EXPECT_EQ(0U, prog_info(x.fd()).run_time_ns);
}

// --- libbpf ------------------------------------------------------------------------------------------

struct DestroyLink {
    void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

class FreplaceLibbpf : public FreplaceTest {};

TEST_F(FreplaceLibbpf, SetAttachTargetWantsAFunctionThatIsThere) {
    ObjectFile file("extension");
    EXPECT_EQ(-ENOENT, bpf_program__set_attach_target(file.program("new_x"), one.fd(), "nothing"));
    EXPECT_EQ(0, bpf_program__set_attach_target(file.program("new_x"), one.fd(), "get_x"));
}
TEST_F(FreplaceLibbpf, AttachFreplaceByFunctionName) {
    const Link link(bpf_program__attach_freplace(x.program(), two.fd(), "get_x"));
    ASSERT_TRUE(link) << errno;
    EXPECT_EQ(replaced, ran(two));
    EXPECT_EQ(plain, ran(one));
    EXPECT_EQ(two.id("get_x"), link_info(bpf_link__fd(link.get())).tracing.target_btf_id);
}
TEST_F(FreplaceLibbpf, AttachFreplaceToAFunctionThatIsNotThereIsEnoent) {
    EXPECT_EQ(nullptr, bpf_program__attach_freplace(x.program(), two.fd(), "nope"));
    EXPECT_EQ(ENOENT, errno);
}
TEST_F(FreplaceLibbpf, AttachFreplaceWithoutATargetOnce) {
    Link link(bpf_program__attach_freplace(x.program(), 0, nullptr));
    ASSERT_TRUE(link) << errno;
    EXPECT_EQ(replaced, ran());
    EXPECT_EQ(nullptr, bpf_program__attach_freplace(x.program(), 0, nullptr));
    EXPECT_EQ(EINVAL, errno);
    link.reset();
    EXPECT_EQ(nullptr, bpf_program__attach_freplace(x.program(), 0, nullptr));
    EXPECT_EQ(EINVAL, errno);
}
TEST_F(FreplaceLibbpf, AttachAndAttachTraceGoToTheTargetOfTheLoad) {
    const Link link(bpf_program__attach_trace(x.program()));
    ASSERT_TRUE(link) << errno;
    EXPECT_EQ(replaced, ran());
    Extension y = extension("calls_inner", "get_y");
    const Link other(bpf_program__attach(y.program()));
    ASSERT_TRUE(other) << errno;
    EXPECT_EQ("0 10 20 24 25 13 16 14 15 19", ran());
}
TEST_F(FreplaceLibbpf, RawTracepointOpenWithoutAName) {
    Fd link(bpf_raw_tracepoint_open(nullptr, x.fd()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran());
}
TEST_F(FreplaceLibbpf, LinkCreateWithTargetBtfId) {
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    options.target_btf_id = two.id("get_x");
    const Fd link(bpf_link_create(x.fd(), two.fd(), static_cast<bpf_attach_type>(0), &options));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(replaced, ran(two));
    options.target_btf_id = 9999;
    EXPECT_ANSWER(-EINVAL, Fd(bpf_link_create(x.fd(), two.fd(), static_cast<bpf_attach_type>(0), &options)).error());
}
TEST_F(FreplaceLibbpf, ALinkIsNeitherDetachedNorUpdated) {
    Extension newer = extension("newer_x", "get_x");
    const Link link(bpf_program__attach_freplace(x.program(), two.fd(), "get_x"));
    ASSERT_TRUE(link) << errno;
    EXPECT_EQ(-EOPNOTSUPP, bpf_link__detach(link.get()));
    EXPECT_EQ(-EINVAL, bpf_link__update_program(link.get(), newer.program()));
    EXPECT_EQ(replaced, ran(two));
}
TEST_F(FreplaceLibbpf, ADestroyedLinkStaysUntilItsLastDescriptorCloses) {
    Link link(bpf_program__attach_freplace(x.program(), two.fd(), "get_x"));
    ASSERT_TRUE(link) << errno;
    Fd kept(dup(bpf_link__fd(link.get())));
    link.reset();
    EXPECT_EQ(replaced, ran(two));
    kept.reset();
    EXPECT_EQ(plain, ran(two));
}

}  // namespace
}  // namespace test
