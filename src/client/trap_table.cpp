#include "client/trap_table.h"

#include <linux/audit.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace graft::client {
namespace {

#if defined(__x86_64__)
constexpr uint32_t native_arch = AUDIT_ARCH_X86_64;
constexpr uint32_t x32_bit = 0x40000000;
constexpr uint32_t compat_arch = AUDIT_ARCH_I386, compat_bpf = 357;
#else
#error "the filter knows the system call numbers of x86-64 only"
#endif

sock_filter statement(uint16_t code, uint32_t k) { return {code, 0, 0, k}; }
sock_filter jump(uint16_t code, uint32_t k, size_t if_true, size_t if_false) {
    return {code, static_cast<uint8_t>(if_true), static_cast<uint8_t>(if_false), k};
}
sock_filter load(size_t offset) { return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
sock_filter give(uint32_t action) { return statement(BPF_RET | BPF_K, action); }

// One row: [number?] [argument tests] trap.  The accumulator holds the number before and after.
void append_row(std::vector<sock_filter>& program, const TrapRow& row) {
    std::vector<sock_filter> block;
    // Built from the end, since a jump says how far the end is.
    block.push_back(give(SECCOMP_RET_USER_NOTIF));
    for (auto test = row.when.rbegin(); test != row.when.rend(); ++test) {
        // A failed test goes to the load of the number that follows the trap.
        block.insert(block.begin(), jump(BPF_JMP | BPF_JGT | BPF_K, test->last, block.size(), 0));
        block.insert(block.begin(), jump(BPF_JMP | BPF_JGE | BPF_K, test->first, 0, block.size()));
        block.insert(block.begin(), load(offsetof(seccomp_data, args) + 8 * test->index));  // little-endian: the low half
    }
    if (!row.when.empty()) block.push_back(load(offsetof(seccomp_data, nr)));
    program.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(row.number), 0, block.size()));
    program.insert(program.end(), block.begin(), block.end());
}

}  // namespace

bool fits(const TrapRow& row, const seccomp_data& call) {
    return row.number == call.nr && std::all_of(row.when.begin(), row.when.end(), [&](const ArgumentTest& test) {
               const auto argument = static_cast<uint32_t>(call.args[test.index]);
               return argument >= test.first && argument <= test.last;
           });
}

std::vector<sock_filter> make_filter(const std::vector<TrapRow>& rows) {
    const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;
    std::vector<sock_filter> program = {
        load(offsetof(seccomp_data, arch)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, native_arch, 6, 0),
        // A 32-bit client would reach the host's bpf(2).
        jump(BPF_JMP | BPF_JEQ | BPF_K, compat_arch, 0, 3),
        load(offsetof(seccomp_data, nr)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, compat_bpf, 0, 1),
        give(enosys),
        give(SECCOMP_RET_ALLOW),
        give(SECCOMP_RET_ALLOW),
        load(offsetof(seccomp_data, nr)),
        jump(BPF_JMP | BPF_JEQ | BPF_K, x32_bit | SYS_bpf, 0, 1),
        give(enosys),
    };
    for (const TrapRow& row : rows) append_row(program, row);
    program.push_back(give(SECCOMP_RET_ALLOW));
    return program;
}

}  // namespace graft::client
