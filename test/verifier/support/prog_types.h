// Tests of the tables of program types against a kernel.
#pragma once

#include "support/load.h"

namespace graft::test {

void add_prog_type_tests(const SystemCall& bpf);

}  // namespace graft::test
