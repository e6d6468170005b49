// RunContext: what the kernel keeps per CPU while programs run; here per thread.
//
// The entry into the engine sets it up (hook/ and TEST_RUN make one); helpers read and write it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace graft {

class ClientCalls;
class Object;
class TraceBuffer;

// What bpf_redirect and bpf_redirect_map decided; the hook acts on it when the program returns XDP_REDIRECT.
struct RedirectTarget {
    uint32_t ifindex = 0;       // 0: none, drop
    uint64_t netns_cookie = 0;  // the namespace that ifindex is of; 0: that of the ingress device
    Object* map = nullptr;      // devmap, cpumap (borrowed: valid under the RCU read guard of the run)
    Object* program = nullptr;  // the devmap entry's own program, may be null
    uint64_t flags = 0;         // BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS
};

// One run of a fentry or fexit program that has not ended.
struct ActiveTrace {
    const Object* program;
    const ActiveTrace* outer;
};

// Memory of a ring buffer that the run has to give back.
struct RingReservation {
    std::byte* record = nullptr;
    Object* ring = nullptr;
    uint64_t position = 0;
};

struct RunContext {
    uint32_t cpu = 0;  // slot of per-CPU maps, held exclusively while programs run (base/cpus.h)
    RedirectTarget redirect;
    TraceBuffer* trace = nullptr;  // where bpf_trace_printk writes; null: nowhere
    // Of the images that this packet enters: set at its first entry, so that it sees a change everywhere or nowhere.
    static constexpr uint64_t newest = UINT64_MAX;
    uint64_t generation = newest;
    ClientCalls* client = nullptr;  // whose BPF_PROG_TEST_RUN this is; null: nobody's
    bool frame_is_skb = false;      // the context of this entry is a socket buffer, not an XDP frame
    std::vector<RingReservation> reservations;
    bool thrown = false;                  // an exception is on its way up
    uint64_t cookie = 0;                  // of it
    uint32_t tail_calls = 0;              // made so far in this entry
    const ActiveTrace* traces = nullptr;  // fentry and fexit programs that this CPU is in, innermost first
};

// The calling thread's; never null inside a run.
[[nodiscard]] RunContext*& current_run();

}  // namespace graft
