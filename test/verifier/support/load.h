// Brings a test case to a kernel through bpf(2).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "base/fd.h"
#include "support/test_case.h"

namespace graft::test {

// bpf(2) of some kernel: a value or -errno.
using SystemCall = std::function<long(int command, bpf_attr& attr, uint32_t size)>;

long linux_bpf(int command, bpf_attr& attr, uint32_t size);

struct Loaded {
    int error = 0;  // errno of PROG_LOAD
    std::string log;
    std::string trouble;  // what went wrong before it; empty: nothing
    Fd program;
    std::vector<Fd> others;  // maps, BTF, the target: they stay as long as the program
};

// `cases`: all of the file, for "extends".
[[nodiscard]] Loaded load(const SystemCall& bpf, const TestCase& test, const std::vector<TestCase>& cases);

// BPF_PROG_TEST_RUN.  An empty string, or what went wrong.
[[nodiscard]] std::string run(const SystemCall& bpf, const Fd& program, const TestCase::Run& run);

}  // namespace graft::test
