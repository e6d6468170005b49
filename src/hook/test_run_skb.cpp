// TEST_RUN of programs whose context is a socket buffer.
#include <cstring>

#include "abi/kernel_types.h"
#include "hook/test_run.h"

namespace graft {
namespace {

constexpr uint32_t ethernet_header = 14;
constexpr uint32_t headroom = 64 + 32;  // NET_SKB_PAD + NET_IP_ALIGN, rounded up
constexpr uint32_t tailroom = 320;
constexpr uint32_t page = 4096;

bool sees_link_layer(const Program& program) {
    return program.effective_type() == BPF_PROG_TYPE_SCHED_CLS || program.effective_type() == BPF_PROG_TYPE_SCHED_ACT;
}

// All bytes of the client's context outside of the fields that it may set must be zero.
Result<void> check_context(const __sk_buff& context) {
    __sk_buff rest = context;
    rest.mark = rest.priority = rest.ingress_ifindex = rest.ifindex = rest.wire_len = rest.gso_segs = rest.gso_size = 0;
    std::memset(rest.cb, 0, sizeof rest.cb);
    rest.tstamp = rest.hwtstamp = 0;
    const __sk_buff zero{};
    if (std::memcmp(&rest, &zero, sizeof rest) != 0) return fail(EINVAL, "ctx_in: a field is set that a test run does not take");
    return {};
}

void set_fields(abi::sk_buff& skb, abi::skb_control& control, const __sk_buff& context) {
    skb.mark = context.mark;
    skb.priority = context.priority;
    skb.skb_iif = static_cast<int32_t>(context.ingress_ifindex);
    skb.tstamp = context.tstamp;
    skb.hwtstamp = context.hwtstamp;
    skb.gso_segs = static_cast<uint16_t>(context.gso_segs);
    skb.gso_size = static_cast<uint16_t>(context.gso_size);
    std::memcpy(control.data, context.cb, sizeof control.data);
    if (context.wire_len != 0) control.pkt_len = context.wire_len;
}

void get_fields(__sk_buff& context, const abi::sk_buff& skb, const abi::skb_control& control) {
    context.mark = skb.mark;
    context.priority = skb.priority;
    context.ingress_ifindex = static_cast<uint32_t>(skb.skb_iif);
    context.ifindex = static_cast<uint32_t>(skb.dev->ifindex);
    context.tstamp = skb.tstamp;
    context.hwtstamp = skb.hwtstamp;
    context.gso_segs = skb.gso_segs;
    context.gso_size = skb.gso_size;
    context.wire_len = control.pkt_len;
    std::memcpy(context.cb, control.data, sizeof control.data);
}

}  // namespace

Result<void> test_run_skb(const Program& program, Cpus& cpus, SkbTestRun& run) {
    const auto size = static_cast<uint32_t>(run.frame.size());
    if (size < ethernet_header) return fail(EINVAL, "data_in is shorter than an Ethernet header");
    if (size > page - headroom - tailroom) return fail(EINVAL, "data_in is longer than one page holds");
    if (run.has_context) TRY(check_context(run.context));

    std::vector<std::byte> buffer(page);
    std::memcpy(buffer.data() + headroom, run.frame.data(), size);
    abi::net_device device{};
    device.ifindex = run.has_context && run.context.ifindex != 0 ? static_cast<int32_t>(run.context.ifindex) : 1;
    std::memcpy(device.name, "lo", 3);
    const uint32_t pulled = sees_link_layer(program) ? 0 : ethernet_header;
    abi::sk_buff skb{};
    skb.dev = &device;
    skb.head = reinterpret_cast<unsigned char*>(buffer.data());
    skb.data = skb.head + headroom + pulled;
    skb.len = size - pulled;
    skb.tail = headroom + size;
    skb.end = page - tailroom;
    skb.truesize = page;
    skb.mac_len = ethernet_header;
    skb.mac_header = headroom;
    skb.network_header = skb.transport_header = headroom + ethernet_header;
    std::memcpy(&skb.protocol, run.frame.data() + 12, sizeof skb.protocol);
    abi::skb_control control{};
    control.pkt_len = size;
    if (run.has_context) set_fields(skb, control, run.context);
    control.data_meta = skb.data;
    control.data_end = skb.head + skb.tail;
    std::memcpy(skb.cb, &control, sizeof control);

    TRY(run_repeatedly(program, &skb, cpus, run));

    std::memcpy(&control, skb.cb, sizeof control);
    // The frame goes out with its link-layer header.
    const auto* start = reinterpret_cast<const std::byte*>(skb.data) - pulled;
    run.frame.assign(start, reinterpret_cast<const std::byte*>(skb.head) + skb.tail);
    get_fields(run.context, skb, control);
    return {};
}

}  // namespace graft
