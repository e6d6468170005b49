// TEST_RUN: runs a program on a frame that a client hands over, and times it.
//
// One hook file for each kind of context.  The frame, and the context where there is one, are copies; nothing is sent anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "abi/bpf.h"
#include "base/cpus.h"
#include "base/result.h"
#include "program/program.h"

namespace graft {

// How often, and what is measured.
struct TestRun {
    uint32_t repeat = 1;             // 0 counts as 1
    uint32_t retval = 0;             // of the last run
    uint32_t duration = 0;           // ns, mean of a run
    std::function<bool()> given_up;  // asked now and then: true ends it with EINTR
};

// Runs `program` with `context` as often as wanted.
Result<void> run_repeatedly(const Program& program, void* context, Cpus& cpus, TestRun& run);

struct XdpTestRun : TestRun {
    std::vector<std::byte> frame;  // in: metadata and frame; out: the same, as the program left it
    bool has_context = false;
    xdp_md context{};           // in: data, data_end, ingress_ifindex, rx_queue_index; out: data, data_end
    bool ingress_known = true;  // whether ingress_ifindex exists where the client is
};
// EINVAL: a frame shorter than an Ethernet header or longer than a page holds, a context that contradicts it; ENODEV; EINTR.
Result<void> test_run_xdp(const Program& program, Cpus& cpus, XdpTestRun& run);

struct SkbTestRun : TestRun {
    std::vector<std::byte> frame;
    bool has_context = false;
    __sk_buff context{};
};
// For SOCKET_FILTER, SCHED_CLS, SCHED_ACT.
Result<void> test_run_skb(const Program& program, Cpus& cpus, SkbTestRun& run);

}  // namespace graft
