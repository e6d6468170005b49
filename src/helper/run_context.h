// RunContext: what the kernel keeps per CPU while programs run; here per thread.
//
// The entry into the engine sets it up (hook/ and TEST_RUN make one); helpers read and write it.
#pragma once

#include <cstdint>

namespace graft {

class Object;

// What bpf_redirect and bpf_redirect_map decided; the hook acts on it when the program returns XDP_REDIRECT.
struct RedirectTarget {
    uint32_t ifindex = 0;       // in the netns of the ingress device; 0: none
    Object* map = nullptr;      // devmap, cpumap (borrowed: valid under the RCU read guard of the run)
    Object* program = nullptr;  // the devmap entry's own program, may be null
    uint64_t flags = 0;         // BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS
};

struct RunContext {
    uint32_t cpu = 0;  // slot of per-CPU maps, held exclusively while programs run (base/cpus.h)
    RedirectTarget redirect;
    uint32_t tail_calls = 0;  // made so far in this entry
};

// The calling thread's; never null inside a run.
[[nodiscard]] RunContext*& current_run();

}  // namespace graft
