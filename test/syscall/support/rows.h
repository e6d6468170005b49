// Tests that are one row of a table each: a row has a `name`, which becomes the test's.
#pragma once

#include <string>

namespace test {

inline constexpr auto row_name = [](const auto& info) { return std::string(info.param.name); };

}  // namespace test
