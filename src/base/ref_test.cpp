#include "base/ref.h"

#include <gtest/gtest.h>

namespace graft {
namespace {

struct Counted : RefCounted {
    explicit Counted(int& alive) : alive_(alive) { ++alive_; }
    ~Counted() override { --alive_; }
    int& alive_;
};

TEST(Ref, LastReferenceDestroys) {
    int alive = 0;
    Ref<Counted> a = make_ref<Counted>(alive);
    Ref<Counted> b = a;
    a = nullptr;
    EXPECT_EQ(alive, 1);
    b = nullptr;
    EXPECT_EQ(alive, 0);
}

TEST(Ref, ReleaseGivesTheReferenceAway) {
    int alive = 0;
    Ref<Counted> a = make_ref<Counted>(alive);
    Counted* raw = a.release();
    EXPECT_FALSE(a);
    EXPECT_EQ(alive, 1);
    raw->drop_ref();
    EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace graft
