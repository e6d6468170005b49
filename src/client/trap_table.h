// TrapRow: which system calls of a client are trapped, and who answers them.
//
// The supervisor's table is the concatenation of rows that each module offers (bpf_traps, bpffs_traps, ...).  The filter that a client gets
// is made of the same rows, so what no row asks for is never trapped.  The first row that fits a call answers it.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "client/trap.h"

namespace graft::client {

// The low 32 bits of an argument lie in [first, last].
struct ArgumentTest {
    unsigned index = 0;
    uint32_t first = 0, last = 0;
};
[[nodiscard]] constexpr ArgumentTest argument_is(unsigned index, uint32_t value) { return {index, value, value}; }

struct TrapRow {
    int number = 0;                  // SYS_*
    std::vector<ArgumentTest> when;  // all must hold; empty: always
    // May the call take long?  It then gets a thread of its own.  Judged by the numbers in the registers alone; null: never.
    std::function<bool(const seccomp_data&)> slow;
    // Runs on any thread, and for different calls at the same time: on the loop's, on a worker, on one that was replaced as the loop
    // because it hung.
    std::function<Outcome(const std::shared_ptr<Trap>&)> handle;
};

[[nodiscard]] bool fits(const TrapRow& row, const seccomp_data& call);

// The seccomp program that traps what the rows ask for and lets the rest through.  bpf(2) by the 32-bit and x32 entries is ENOSYS.
[[nodiscard]] std::vector<sock_filter> make_filter(const std::vector<TrapRow>& rows);

}  // namespace graft::client
