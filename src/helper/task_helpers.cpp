// Helpers that say where a program runs: CPU, NUMA node, thread; and random numbers.

#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/bpf.h"
#include "helper/families.h"
#include "helper/run_context.h"

namespace graft {
namespace {

uint64_t get_smp_processor_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return current_run()->cpu; }

uint64_t get_numa_node_id(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    unsigned cpu = 0, node = 0;
    return getcpu(&cpu, &node) == 0 ? node : 0;
}

// xorshift64*, seeded for each thread.
uint64_t get_prandom_u32(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    static thread_local uint64_t state = [] {
        uint64_t seed = 0;
        while (seed == 0) {
            if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = reinterpret_cast<uint64_t>(&seed);
        }
        return seed;
    }();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * 0x2545f4914f6cdd1d) >> 32;
}

// The thread that runs the program.
uint64_t get_current_pid_tgid(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    static thread_local const uint64_t ids = uint64_t{static_cast<uint32_t>(getpid())} << 32 | static_cast<uint32_t>(gettid());
    return ids;
}

uint64_t get_current_uid_gid(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return uint64_t{getgid()} << 32 | getuid(); }

uint64_t get_current_comm(uint64_t buffer, uint64_t size, uint64_t, uint64_t, uint64_t) {
    char name[16] = {};
    prctl(PR_GET_NAME, name);
    auto* const to = pointer_in<char>(buffer);
    const auto room = static_cast<uint32_t>(size);
    std::memset(to, 0, room);
    std::memcpy(to, name, std::min<size_t>(strnlen(name, sizeof name), room - 1));
    return 0;
}

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_get_smp_processor_id, .name = "bpf_get_smp_processor_id", .function = get_smp_processor_id},
    {.id = BPF_FUNC_get_numa_node_id, .name = "bpf_get_numa_node_id", .function = get_numa_node_id},
    {.id = BPF_FUNC_get_prandom_u32, .name = "bpf_get_prandom_u32", .function = get_prandom_u32},
    {.id = BPF_FUNC_get_current_pid_tgid,
     .name = "bpf_get_current_pid_tgid",
     .function = get_current_pid_tgid,
     .partly = "the thread of graft that runs the program"},
    {.id = BPF_FUNC_get_current_uid_gid,
     .name = "bpf_get_current_uid_gid",
     .function = get_current_uid_gid,
     .partly = "of the process that runs the program"},
    {.id = BPF_FUNC_get_current_comm,
     .name = "bpf_get_current_comm",
     .function = get_current_comm,
     .args = {Arg::mem_write, Arg::const_size},
     .partly = "the thread of graft that runs the program"},
});

}  // namespace

std::span<const Helper> task_helpers() { return rows; }

}  // namespace graft
