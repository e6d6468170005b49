// For tests that hold on every engine: a fixture that is instantiated for each.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/engines.h"

namespace graft::test {

struct EachEngine : testing::TestWithParam<const Engine*> {
    [[nodiscard]] static const Engine& engine() { return *GetParam(); }
};

inline std::string engine_name(const testing::TestParamInfo<const Engine*>& info) { return info.param->name(); }

}  // namespace graft::test

#define GRAFT_ON_EACH_ENGINE(Fixture) INSTANTIATE_TEST_SUITE_P(On, Fixture, testing::ValuesIn(graft::engines()), graft::test::engine_name)
