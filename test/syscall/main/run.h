// What the mains of these programs share.
#pragma once

namespace test {

// RUN_ALL_TESTS(), where after every test the kernel must hold what it held before.
int run_all(int argc, char** argv);

}  // namespace test
