// What tests of attaching share: two XDP programs of the same functions at other BTF ids, which write to one trace.
#pragma once

#include <gtest/gtest.h>

#include "support/attach.h"
#include "support/programs.h"

namespace test {

class AttachTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_EQ(0, one.answer());
        ASSERT_EQ(0, two.answer());
        ASSERT_NE(one.id("get_x"), two.id("get_x"));
    }
    // The answer of a test run, and the way it took.
    std::string ran(int program) const {
        const Ran result = run(program);
        return name_of(result.answer) + " " + take_trace(trace);
    }
    std::string ran(Target& target) const { return ran(target.fd()); }
    std::string ran() { return ran(one); }

    Extension extension(const char* name, const char* function) { return {name, one.fd(), function, trace}; }
    Trace on(const char* name, const char* function = "get_x") { return {name, one.fd(), function, trace}; }

    static constexpr const char* plain = "0 10 11 12 13 16 14 15 19";
    static constexpr const char* replaced = "0 10 20 12 13 16 14 15 19";       // get_x by new_x
    static constexpr const char* replaced_anew = "0 10 21 12 13 16 14 15 19";  // get_x by newer_x

    Target one{"xdp_target"};
    int trace = one.trace();
    Target two{"xdp_target_2", trace};
};

// With an extension of the first one's get_x.
class FreplaceTest : public AttachTest {
protected:
    void SetUp() override {
        AttachTest::SetUp();
        ASSERT_EQ(0, x.answer()) << x.log();
    }
    Extension x{"new_x", one.fd(), "get_x", trace};
};

}  // namespace test
