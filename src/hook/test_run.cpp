#include "hook/test_run.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "abi/kernel_types.h"
#include "base/rcu.h"
#include "engine/engine.h"

namespace graft {
namespace {

constexpr uint32_t page = 4096;
constexpr uint32_t ethernet_header = 14;
constexpr uint32_t longest_metadata = 216;     // the headroom less Linux's xdp_frame
constexpr uint32_t runs_between_looks = 4096;  // at whether the client is still there; packets get in between, too

abi::net_device loopback() {
    abi::net_device device{};
    device.ifindex = 1;
    device.mtu = 65536;
    std::memcpy(device.name, "lo", 3);
    return device;
}

Result<void> check_context(const XdpTestRun& run) {
    const xdp_md& md = run.context;
    const auto size = static_cast<uint32_t>(run.frame.size());
    if (md.data_meta != 0 || md.data_end != size || md.data > md.data_end || md.data % 4 != 0 || md.data > longest_metadata) {
        return fail(EINVAL, "ctx_in: data_meta must be 0, data a multiple of 4 up to 216, data_end the size of data_in");
    }
    if (size - md.data < ethernet_header) return fail(EINVAL, "ctx_in: the metadata leaves no Ethernet header of data_in");
    if (md.egress_ifindex != 0) return fail(EINVAL, "ctx_in: egress_ifindex must be 0");
    if (md.ingress_ifindex == 0 && md.rx_queue_index != 0) return fail(EINVAL, "ctx_in: rx_queue_index without ingress_ifindex");
    if (md.ingress_ifindex != 0 && !run.ingress_known) return fail(ENODEV, "ctx_in: ingress_ifindex is no interface here");
    if (md.ingress_ifindex != 0 && md.rx_queue_index != 0) return fail(EINVAL, "ctx_in: the interface has no such queue");
    return {};
}

}  // namespace

Result<void> run_repeatedly(const Program& program, void* context, Cpus& cpus, TestRun& run) {
    using clock = std::chrono::steady_clock;
    const uint32_t repeat = std::max(run.repeat, 1U);
    std::chrono::nanoseconds spent{0};
    for (uint32_t done = 0; done < repeat;) {
        if (done != 0 && run.given_up && run.given_up()) return fail(EINTR, "the client is gone");
        const Cpus::Slot slot(cpus);
        RunContext run_context;
        run_context.cpu = slot.index();
        const RunScope scope(run_context);
        const uint32_t until = done + std::min(repeat - done, runs_between_looks);
        const auto start = clock::now();
        for (; done < until; ++done) {
            const rcu::ReadGuard guard;  // each run takes the image anew
            run_context.redirect = {};
            run.retval = static_cast<uint32_t>(graft::run(program, context, run_context));
        }
        spent += clock::now() - start;
    }
    run.duration = static_cast<uint32_t>(std::min<int64_t>(spent.count() / repeat, UINT32_MAX));
    return {};
}

Result<void> test_run_xdp(const Program& program, Cpus& cpus, XdpTestRun& run) {
    const auto size = static_cast<uint32_t>(run.frame.size());
    if (run.has_context) {
        if (Result<void> sane = check_context(run); !sane.ok() && sane.code() != ENODEV) return sane;
    }
    const uint32_t metadata = run.has_context ? run.context.data : 0;
    const uint32_t headroom = abi::xdp_packet_headroom - metadata;
    if (size < ethernet_header) return fail(EINVAL, "data_in is shorter than an Ethernet header");
    if (size > page - headroom - abi::xdp_tailroom)
        return fail(EINVAL, "data_in is longer than one page holds; graft has no multi-buffer frames");
    if (run.has_context) TRY(check_context(run));

    std::vector<std::byte> buffer(page);
    std::memcpy(buffer.data() + headroom, run.frame.data(), size);
    abi::net_device device = loopback();
    if (run.has_context && run.context.ingress_ifindex != 0) device.ifindex = static_cast<int32_t>(run.context.ingress_ifindex);
    abi::xdp_rxq_info queue{.dev = &device, .queue_index = 0, .reg_state = 0};
    abi::xdp_txq_info out{.dev = nullptr};
    std::byte* const start = buffer.data() + headroom;
    abi::xdp_buff frame{.data = start + metadata,
                        .data_end = start + size,
                        .data_meta = start,
                        .data_hard_start = buffer.data(),
                        .rxq = &queue,
                        .txq = &out,
                        .frame_sz = page,
                        .flags = 0};
    TRY(run_repeatedly(program, &frame, cpus, run));
    const auto* meta = static_cast<const std::byte*>(frame.data_meta);
    const auto* data = static_cast<const std::byte*>(frame.data);
    const auto* end = static_cast<const std::byte*>(frame.data_end);
    if (meta > data) meta = data;
    run.frame.assign(meta, end);
    if (run.has_context) {
        run.context.data = static_cast<uint32_t>(data - meta);
        run.context.data_end = static_cast<uint32_t>(end - meta);
    }
    return {};
}

}  // namespace graft
