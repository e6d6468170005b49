// What a bpf(2) of an unmodified client costs on graft, where it is trapped and
// answered by another process, and on the host's kernel.
//
// Each figure is the median of runs that take turns; within a run, the mean
// over a loop of one thread.  Above 1 x: graft is slower.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "compare.h"

namespace {

long bpf(int command, bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof attr); }

// Microseconds a call: the median of short stretches, so that what else runs on
// the machine interrupts few of them.
template <class Call>
double time_of(int stretches, Call&& call) {
    constexpr int calls = 50;
    std::vector<double> times;
    for (int i = 0; i < stretches; ++i) {
        const auto start = std::chrono::steady_clock::now();
        for (int j = 0; j < calls; ++j) call();
        const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
        times.push_back(taken.count() / calls);
    }
    std::ranges::nth_element(times, times.begin() + stretches / 2);
    return times[static_cast<size_t>(stretches / 2)];
}

int make_map(uint32_t type, uint32_t entries) {
    bpf_attr attr{};
    attr.map_type = type;
    attr.key_size = 4;
    attr.value_size = 8;
    attr.max_entries = entries;
    return static_cast<int>(bpf(BPF_MAP_CREATE, attr));
}

// r0 = XDP_PASS; exit
constexpr std::array<bpf_insn, 2> pass = {{{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};

long load_pass() {
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = reinterpret_cast<uint64_t>(pass.data());
    attr.insn_cnt = pass.size();
    attr.license = reinterpret_cast<uint64_t>("GPL");
    return bpf(BPF_PROG_LOAD, attr);
}

int measure() {
    const int array = make_map(BPF_MAP_TYPE_ARRAY, 16), hash = make_map(BPF_MAP_TYPE_HASH, 1024);
    const long program = load_pass();
    if (array < 0 || hash < 0 || program < 0) return 1;
    uint32_t key = 3;
    uint64_t value = 7;
    const auto element = [&](int map) {
        bpf_attr attr{};
        attr.map_fd = static_cast<uint32_t>(map);
        attr.key = reinterpret_cast<uint64_t>(&key);
        attr.value = reinterpret_cast<uint64_t>(&value);
        return attr;
    };
    bpf_attr nothing{}, of_array = element(array), of_hash = element(hash);
    bench::print_figure("a call that is refused", time_of(300, [&] { bpf(-1, nothing); }));
    bench::print_figure("lookup in an array", time_of(300, [&] { bpf(BPF_MAP_LOOKUP_ELEM, of_array); }));
    bench::print_figure("update of a hash", time_of(300, [&] { bpf(BPF_MAP_UPDATE_ELEM, of_hash); }));
    bench::print_figure("load of a program, and close", time_of(300, [] { close(static_cast<int>(load_pass())); }));
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return bench::compare(argc, argv, measure, 7, "us"); }
