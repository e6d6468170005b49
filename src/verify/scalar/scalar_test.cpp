#include "verify/scalar/scalar.h"

#include <gtest/gtest.h>

#include "abi/bpf.h"
#include "verify/scalar/branch.h"
#include "verify/scalar/print.h"

namespace graft::verify {
namespace {

TEST(Scalar, ByteLoadPrints) {
    Scalar r = Scalar::unknown();
    r.truncate(1);
    EXPECT_EQ(describe(r), "smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff)");
}

TEST(Scalar, MaskedAndAdded) {
    Scalar r = apply_alu(BPF_AND, true, Scalar::unknown(), Scalar::constant(0xf));
    r = apply_alu(BPF_ADD, true, r, Scalar::constant(1));
    EXPECT_EQ(r.u64, (Range<uint64_t>{1, 16}));
    EXPECT_TRUE(r.consistent());
}

TEST(Scalar, BranchNarrows) {
    Scalar true_a, true_b = Scalar::constant(10), false_a, false_b = true_b;
    EXPECT_EQ(branch_taken(BPF_JLT, false, true_a, true_b), Verdict::unknown);
    refine(BPF_JLT, false, true_a, true_b, false_a, false_b);
    EXPECT_EQ(true_a.u64, (Range<uint64_t>{0, 9}));
    EXPECT_EQ(false_a.u64, (Range<uint64_t>{10, UINT64_MAX}));
}

}  // namespace
}  // namespace graft::verify
