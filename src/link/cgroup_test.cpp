#include "link/cgroup.h"

#include <gtest/gtest.h>

namespace graft {
namespace {

TEST(CgroupPlaces, ProgramsGoWhereTheyWereMadeFor) {
    ProgramFacts program;
    EXPECT_FALSE(goes_to_cgroup(program, BPF_CGROUP_INET4_BIND));
    program.type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
    program.expected_attach_type = BPF_CGROUP_INET4_BIND;
    EXPECT_TRUE(goes_to_cgroup(program, BPF_CGROUP_INET4_BIND));
    EXPECT_FALSE(goes_to_cgroup(program, BPF_CGROUP_INET6_BIND));
    EXPECT_FALSE(goes_to_cgroup(program, BPF_XDP));
    program.type = BPF_PROG_TYPE_CGROUP_SKB;
    EXPECT_TRUE(goes_to_cgroup(program, BPF_CGROUP_INET_EGRESS));
    EXPECT_TRUE(goes_to_cgroup(program, BPF_CGROUP_INET_INGRESS));
    EXPECT_FALSE(goes_to_cgroup(program, BPF_CGROUP_DEVICE));
}

TEST(CgroupPlaces, QueriesKnowThemAll) {
    EXPECT_TRUE(is_cgroup_attach_type(BPF_CGROUP_SOCK_OPS));
    EXPECT_TRUE(is_cgroup_attach_type(BPF_LSM_CGROUP));
    EXPECT_FALSE(is_cgroup_attach_type(BPF_XDP));
    EXPECT_FALSE(is_cgroup_attach_type(BPF_FLOW_DISSECTOR));
}

}  // namespace
}  // namespace graft
