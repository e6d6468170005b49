// An XDP program on a packet of the client's.
//
// The packet lies in one page, behind the headroom; what does not fit stands apart, as fragments do on Linux: the program does not reach
// it, and it comes back unchanged behind what the program left.

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/kernel_types.h"
#include "hook/test_run.h"

namespace graft {
namespace {

constexpr uint32_t page = 4096;
constexpr uint32_t ethernet_header = 14;
constexpr uint32_t most_fragments = 17;  // of a page each
constexpr uint32_t longest_metadata = 216;

bool is_metadata_size(uint32_t size) { return size % 4 == 0 && size <= longest_metadata; }

struct Frame {
    alignas(64) std::array<std::byte, page> memory{};
    abi::net_device device{};
    abi::xdp_rxq_info queue{};
    abi::xdp_buff buff{};
};

// Where the packet comes from: the loopback, unless the context says another.
Result<void> set_ingress(const TestRunRequest& request, const xdp_md& context, Frame& frame) {
    if (context.egress_ifindex != 0) return fail(EINVAL, "egress_ifindex is not of a packet that comes in");
    constexpr uint32_t loopback = 1;
    uint32_t ifindex = loopback;
    if (context.ingress_ifindex != 0) {
        ifindex = context.ingress_ifindex;
        if (!TRY(request.caller.has_interface(ifindex))) return fail(ENODEV, "no interface has the index ingress_ifindex");
    }
    // unlike Linux: every interface counts as one of a single queue.
    if (context.rx_queue_index != 0) return fail(EINVAL, "the interface has no queue of that index");
    frame.device.ifindex = static_cast<int32_t>(ifindex);
    frame.device.mtu = 65536;  // of the loopback
    frame.device.netns_cookie = TRY(request.caller.net_namespace()).cookie;
    frame.queue = {&frame.device, context.rx_queue_index, 1};
    return {};
}

Result<void> check_form(const TestRunRequest& request) {
    const ProgramFacts& facts = request.program.facts();
    if (facts.expected_attach_type == BPF_XDP_DEVMAP || facts.expected_attach_type == BPF_XDP_CPUMAP) {
        return fail(EINVAL, "a program for map entries is not run alone");
    }
    if ((request.flags & ~uint32_t{BPF_F_TEST_XDP_LIVE_FRAMES}) != 0) return fail(EINVAL, "unknown flag");
    if (facts.bound_device) return fail(EINVAL, "a program that is bound to an interface runs nowhere else");
    if (request.flags != 0) return fail(EOPNOTSUPP, "graft has no BPF_F_TEST_XDP_LIVE_FRAMES");
    if (request.batch_size != 0) return fail(EINVAL, "batch_size is for live frames");
    return {};
}

Result<void> check_context(const xdp_md& context, uint32_t size) {
    if (context.data_meta != 0) return fail(EINVAL, "data_meta is where the packet begins: 0");
    if (context.data_end > size) return fail(EINVAL, "data_end is behind the packet");
    if (context.data > context.data_end || !is_metadata_size(context.data))
        return fail(EINVAL, "data is not behind metadata of a size that there is");
    return {};
}

// Puts the packet into the frame and its rest into `fragments`.
Result<void> fill_frame(const TestRunRequest& request, uint32_t metadata, uint32_t linear, Frame& frame,
                        std::vector<std::byte>& fragments) {
    const uint32_t headroom = abi::xdp_packet_headroom - metadata;
    linear = std::min(linear, page - headroom - abi::xdp_tailroom);
    if (request.data_size_in < ethernet_header || request.data_size_in - metadata < ethernet_header) {
        return fail(EINVAL, "the packet is shorter than an Ethernet header");
    }
    const uint32_t rest = request.data_size_in - linear;
    if (rest > most_fragments * page) return fail(ENOMEM, "the packet has more than 17 fragments");
    TRY(request.caller.read(request.data_in, std::span(frame.memory).subspan(headroom, linear)));
    fragments.resize(rest);
    TRY(request.caller.read(request.data_in + linear, fragments));
    std::byte* start = frame.memory.data();
    frame.buff.data_hard_start = start;
    frame.buff.data_meta = start + headroom;
    frame.buff.data = start + headroom + metadata;
    frame.buff.data_end = start + headroom + linear;
    frame.buff.frame_sz = page;
    frame.buff.rxq = &frame.queue;
    return {};
}

uint32_t distance(const void* from, const void* to) {
    return static_cast<uint32_t>(static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from));
}

}  // namespace

Result<TestRunOutcome> test_run_xdp(const TestRunRequest& request) {
    TRY(check_form(request));
    xdp_md context = zeroed<xdp_md>();
    TRY(read_context(request, writable_bytes_of(context)));
    uint32_t linear = request.data_size_in;
    if (request.has_context) {
        TRY(check_context(context, request.data_size_in));
        linear = context.data_end;
    }
    Frame frame;
    std::vector<std::byte> fragments;
    TRY(fill_frame(request, context.data, linear, frame, fragments));
    TRY(set_ingress(request, context, frame));

    TestRunOutcome outcome;
    TRY(repeat_run(request, &frame.buff, outcome));

    const auto* first = static_cast<const std::byte*>(frame.buff.data_meta);
    const auto* last = static_cast<const std::byte*>(frame.buff.data_end);
    outcome.data.assign(first, last);
    outcome.data.insert(outcome.data.end(), fragments.begin(), fragments.end());
    outcome.fragments = static_cast<uint32_t>(fragments.size());
    if (request.has_context) {
        context.data = distance(frame.buff.data_meta, frame.buff.data);
        context.data_end = distance(frame.buff.data_meta, frame.buff.data_end);
        const Bytes bytes = bytes_of(context);
        outcome.context.assign(bytes.begin(), bytes.end());
    }
    return outcome;
}

}  // namespace graft
