// Programs on a cgroup through BPF_LINK_CREATE: which go together, replace, detach, and what link and cgroup tell.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <vector>

#include "support/assembly.h"
#include "support/call.h"
#include "support/programs.h"

namespace test {
namespace {

const Program allow{mov(r0, 1), exit()};

// The directory of some cgroup (v2).
Fd open_cgroup() {
    for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
        struct statfs fs{};
        if (statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) return Fd(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return Fd(-1);
}

Fd load(uint32_t type, uint32_t attach_type) {
    Attr attr = program_attr(type, allow);
    attr->expected_attach_type = attach_type;
    return Fd(attr.call(BPF_PROG_LOAD));
}

class CgroupLink : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(cgroup.ok()) << "no cgroup2 file system is mounted";
        ASSERT_TRUE(bind.ok());
        ASSERT_TRUE(other.ok());
    }
    static long create(const Fd& program, int target, uint32_t attach_type = BPF_CGROUP_INET4_BIND, uint32_t flags = 0) {
        Attr attr;
        attr->link_create.prog_fd = program.u();
        attr->link_create.target_fd = static_cast<uint32_t>(target);
        attr->link_create.attach_type = attach_type;
        attr->link_create.flags = flags;
        return attr.call(BPF_LINK_CREATE);
    }
    static long update(const Fd& link, const Fd& program, uint32_t flags = 0, int old_program = 0) {
        Attr attr;
        attr->link_update.link_fd = link.u();
        attr->link_update.new_prog_fd = program.u();
        attr->link_update.flags = flags;
        attr->link_update.old_prog_fd = static_cast<uint32_t>(old_program);
        return attr.call(BPF_LINK_UPDATE);
    }
    static long detach(const Fd& link) {
        Attr attr;
        attr->link_detach.link_fd = link.u();
        return attr.call(BPF_LINK_DETACH);
    }
    // The ids of the programs at this place of the cgroup.
    std::vector<uint32_t> attached(uint32_t attach_type = BPF_CGROUP_INET4_BIND) {
        std::vector<uint32_t> ids(16);
        Attr attr;
        attr->query.target_fd = cgroup.u();
        attr->query.attach_type = attach_type;
        attr->query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
        attr->query.prog_cnt = static_cast<uint32_t>(ids.size());
        EXPECT_ANSWER(0, attr.call(BPF_PROG_QUERY));
        ids.resize(attr->query.prog_cnt);
        return ids;
    }

    Fd cgroup = open_cgroup();
    Fd bind = load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND);
    Fd other = load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND);
};

TEST_F(CgroupLink, AttachesAndDetachesWhenItCloses) {
    EXPECT_TRUE(attached().empty());
    Fd link(create(bind, cgroup.get()));
    ASSERT_ANSWER(0, link.error());
    EXPECT_EQ(attached(), std::vector<uint32_t>{prog_info(bind.get()).id});
    EXPECT_TRUE(attached(BPF_CGROUP_INET6_BIND).empty());
    link.reset();
    EXPECT_TRUE(attached().empty());
}
TEST_F(CgroupLink, InfoNamesProgramAndCgroup) {
    Fd link(create(bind, cgroup.get()));
    bpf_link_info info = link_info(link.get());
    struct stat directory{};
    ASSERT_EQ(0, fstat(cgroup.get(), &directory));
    EXPECT_EQ(static_cast<uint32_t>(BPF_LINK_TYPE_CGROUP), info.type);
    EXPECT_EQ(prog_info(bind.get()).id, info.prog_id);
    EXPECT_EQ(directory.st_ino, info.cgroup.cgroup_id);
    EXPECT_EQ(static_cast<uint32_t>(BPF_CGROUP_INET4_BIND), info.cgroup.attach_type);
}
TEST_F(CgroupLink, SeveralInOrder) {
    Fd one(create(bind, cgroup.get())), two(create(other, cgroup.get())), again(create(bind, cgroup.get()));
    ASSERT_ANSWER(0, one.error());
    ASSERT_ANSWER(0, two.error());
    ASSERT_ANSWER(0, again.error());
    const uint32_t a = prog_info(bind.get()).id, b = prog_info(other.get()).id;
    EXPECT_EQ(attached(), (std::vector<uint32_t>{a, b, a}));
    one.reset();
    EXPECT_EQ(attached(), (std::vector<uint32_t>{b, a}));
}
TEST_F(CgroupLink, AsManyAs64) {
    std::vector<Fd> links;
    for (int i = 0; i < 64; ++i) {
        links.emplace_back(create(bind, cgroup.get()));
        ASSERT_ANSWER(0, links.back().error());
    }
    EXPECT_ANSWER(-E2BIG, create(bind, cgroup.get()));
}
TEST_F(CgroupLink, AnotherAttachTypeIsEinval) {
    EXPECT_ANSWER(-EINVAL, create(bind, cgroup.get(), BPF_CGROUP_INET6_BIND));
    EXPECT_ANSWER(-EINVAL, create(bind, cgroup.get(), BPF_XDP));
}
TEST_F(CgroupLink, FlagsAreEinval) { EXPECT_ANSWER(-EINVAL, create(bind, cgroup.get(), BPF_CGROUP_INET4_BIND, BPF_F_ALLOW_MULTI)); }
TEST_F(CgroupLink, WhatIsNoCgroupIsEbadf) {
    const Fd folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_ANSWER(-EBADF, create(bind, folder.get()));
    EXPECT_ANSWER(-EBADF, create(bind, 999));
    EXPECT_ANSWER(-EBADF, create(bind, bind.get()));
}
TEST_F(CgroupLink, ProgramsOfOtherTypesAreEinval) {
    const Fd xdp(prog_load(BPF_PROG_TYPE_XDP, allow));
    EXPECT_ANSWER(-EINVAL, create(xdp, cgroup.get()));
}
TEST_F(CgroupLink, TypesWithAnyAttachType) {
    const Fd skb = load(BPF_PROG_TYPE_CGROUP_SKB, 0), device = load(BPF_PROG_TYPE_CGROUP_DEVICE, 0), ops = load(BPF_PROG_TYPE_SOCK_OPS, 0);
    EXPECT_ANSWER(0, Fd(create(skb, cgroup.get(), BPF_CGROUP_INET_INGRESS)).error());
    EXPECT_ANSWER(0, Fd(create(skb, cgroup.get(), BPF_CGROUP_INET_EGRESS)).error());
    EXPECT_ANSWER(-EINVAL, create(skb, cgroup.get(), BPF_CGROUP_DEVICE));
    EXPECT_ANSWER(0, Fd(create(device, cgroup.get(), BPF_CGROUP_DEVICE)).error());
    EXPECT_ANSWER(0, Fd(create(ops, cgroup.get(), BPF_CGROUP_SOCK_OPS)).error());
    EXPECT_ANSWER(-EINVAL, create(ops, cgroup.get(), BPF_CGROUP_INET_INGRESS));
    const Fd egress = load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
    EXPECT_ANSWER(0, Fd(create(egress, cgroup.get(), BPF_CGROUP_INET_INGRESS)).error());
}
TEST_F(CgroupLink, UpdateReplacesInPlace) {
    Fd one(create(bind, cgroup.get())), two(create(bind, cgroup.get()));
    const uint32_t a = prog_info(bind.get()).id, b = prog_info(other.get()).id;
    EXPECT_ANSWER(0, update(one, other));
    EXPECT_EQ(attached(), (std::vector<uint32_t>{b, a}));
    EXPECT_EQ(b, link_info(one.get()).prog_id);
    EXPECT_ANSWER(-EPERM, update(one, bind, BPF_F_REPLACE, bind.get()));
    EXPECT_ANSWER(0, update(one, bind, BPF_F_REPLACE, other.get()));
    EXPECT_EQ(attached(), (std::vector<uint32_t>{a, a}));
}
TEST_F(CgroupLink, UpdateWithAnotherTypeIsEinval) {
    Fd link(create(bind, cgroup.get()));
    const Fd skb = load(BPF_PROG_TYPE_CGROUP_SKB, 0);
    EXPECT_ANSWER(-EINVAL, update(link, skb));
}
TEST_F(CgroupLink, UpdateToAnotherAttachTypeOfTheSameProgramType) {
    Fd link(create(bind, cgroup.get()));
    const Fd bind6 = load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_BIND);
    EXPECT_ANSWER(0, update(link, bind6));
    EXPECT_EQ(attached(), std::vector<uint32_t>{prog_info(bind6.get()).id});
}
TEST_F(CgroupLink, DetachLeavesTheLinkWithoutACgroup) {
    Fd link(create(bind, cgroup.get()));
    EXPECT_ANSWER(0, detach(link));
    EXPECT_TRUE(attached().empty());
    EXPECT_EQ(0U, link_info(link.get()).cgroup.cgroup_id);
    EXPECT_EQ(static_cast<uint32_t>(BPF_CGROUP_INET4_BIND), link_info(link.get()).cgroup.attach_type);
    EXPECT_ANSWER(-ENOLINK, update(link, other));
    EXPECT_ANSWER(0, detach(link));
}
TEST_F(CgroupLink, QueryTellsTheFlagsAndHowManyThereAre) {
    Fd one(create(bind, cgroup.get())), two(create(bind, cgroup.get()));
    Attr attr;
    attr->query.target_fd = cgroup.u();
    attr->query.attach_type = BPF_CGROUP_INET4_BIND;
    EXPECT_ANSWER(0, attr.call(BPF_PROG_QUERY));
    EXPECT_EQ(2U, attr->query.prog_cnt);
    EXPECT_EQ(static_cast<uint32_t>(BPF_F_ALLOW_MULTI), attr->query.attach_flags);
    uint32_t id = 0;
    attr->query.prog_ids = reinterpret_cast<uint64_t>(&id);
    attr->query.prog_cnt = 1;
    EXPECT_ANSWER(-ENOSPC, attr.call(BPF_PROG_QUERY));
    EXPECT_EQ(2U, attr->query.prog_cnt);
    EXPECT_EQ(prog_info(bind.get()).id, id);
}
TEST_F(CgroupLink, QueryOfWhatIsNoCgroupIsEbadf) {
    Attr attr;
    attr->query.target_fd = bind.u();
    attr->query.attach_type = BPF_CGROUP_INET4_BIND;
    EXPECT_ANSWER(-EBADF, attr.call(BPF_PROG_QUERY));
}
TEST_F(CgroupLink, QueryOfNothing) {
    Attr attr;
    attr->query.target_fd = cgroup.u();
    attr->query.attach_type = BPF_CGROUP_INET6_CONNECT;
    attr->query.prog_cnt = 7;
    EXPECT_ANSWER(0, attr.call(BPF_PROG_QUERY));
    EXPECT_EQ(0U, attr->query.prog_cnt);
    EXPECT_EQ(0U, attr->query.attach_flags);
}

}  // namespace
}  // namespace test
