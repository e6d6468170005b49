// Cpus: the slots of per-CPU data.
//
// A slot is what a CPU is to the kernel: while a thread holds one, nobody else runs programs in it, so per-CPU values need no atomics.
// There are as many as the host has possible CPUs (what clients count), so at most that many threads run programs at once; a further one
// waits.  Hold a slot for a batch of packets, not for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace graft {

class Cpus {
public:
    // The count that libbpf_num_possible_cpus() sees: /sys/devices/system/cpu/possible, else the online CPUs.
    Cpus();
    [[nodiscard]] uint32_t possible() const { return count_; }

    class Slot {
    public:
        explicit Slot(Cpus& cpus);  // waits for a free one; prefers the CPU the thread is on
        ~Slot();
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;
        [[nodiscard]] uint32_t index() const { return index_; }

    private:
        Cpus& cpus_;
        uint32_t index_;
    };

private:
    struct alignas(64) Busy {
        std::atomic<uint32_t> busy{0};
    };
    uint32_t count_;
    std::unique_ptr<Busy[]> slots_;
};

}  // namespace graft
