// MemberCounters: what an extension did at one place, counted while BPF_ENABLE_STATS is on.
//
// Unlike Linux, which leaves an extension's run_cnt at 0.  Thread safety: anybody reads and counts.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/ref.h"

namespace graft {

class MemberCounters final : public RefCounted {
public:
    // Verdicts 0 to 7 each by itself (XDP's and tc's actions), then all others.
    static constexpr size_t verdict_kinds = 9;

    std::atomic<uint64_t> runs{0};
    std::atomic<uint64_t> time_ns{0};
    std::array<std::atomic<uint64_t>, verdict_kinds> verdicts{};

    void count(uint32_t verdict, uint64_t spent_ns) {
        runs.fetch_add(1, std::memory_order_relaxed);
        time_ns.fetch_add(spent_ns, std::memory_order_relaxed);
        verdicts[verdict < verdict_kinds - 1 ? verdict : verdict_kinds - 1].fetch_add(1, std::memory_order_relaxed);
    }
};

}  // namespace graft
