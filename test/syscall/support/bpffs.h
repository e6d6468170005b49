// Where this program finds a bpffs: /sys/fs/bpf, but for a kernel in the same process.
#pragma once

#include <string>

namespace test {

std::string& bpffs();

}  // namespace test
