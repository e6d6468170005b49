// Device: one end of a port as the packet loop sees it: an interface that clients see, its wire to that interface's stack, its counters.
//
// A frame "arrives at" a device when the other end (or a redirect) sent it there; XDP runs then, and what passes goes up the wire.
//
// Thread safety: a Device belongs to the thread of the packet loop; its counters may be read by anyone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "abi/kernel_types.h"
#include "base/ref.h"
#include "helper/run_context.h"
#include "hook/xdp.h"
#include "port/wire.h"

namespace graft {

// What decides about frames that arrive.
class FrameFilter : public RefCounted {
public:
    enum class Mode : uint8_t { none, native, generic };
    // none: every frame passes, run() need not be called.  native: frames are cut to the link's size first.
    [[nodiscard]] virtual Mode mode() const = 0;
    // An XDP action.  The caller is inside an rcu::ReadGuard and holds the CPU slot that `context` names.
    [[nodiscard]] virtual uint32_t run(abi::xdp_buff& frame, RunContext& context) const = 0;
};

// What may change about an interface while it carries frames.
struct DeviceFacts {
    DeviceKey key;
    std::string name;
    uint32_t mtu = 1500;
    bool up = false;
};

inline constexpr size_t xdp_actions = 5;  // XDP_ABORTED ... XDP_REDIRECT

struct DeviceCounters {
    // Written by one thread, so a plain load and store make an increment.
    class Counter {
    public:
        void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
        [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

    private:
        std::atomic<uint64_t> value_{0};
    };

    Counter frames, bytes;  // that arrived
    std::array<Counter, xdp_actions> verdicts;
    Counter delivered;        // went up the wire
    Counter not_delivered;    // the wire did not take them (down, longer than the MTU, no memory)
    Counter redirect_errors;  // XDP_REDIRECT to nowhere, or to a device that does not take the frame
    Counter redirect_drops;   // dropped by the program of a devmap's entry
    Counter loops;            // dropped after too many XDP_TX and XDP_REDIRECT in a row
    Counter overruns;         // sent by this device's stack and lost because the loop was late
};

class Device {
public:
    // filter null: every frame passes.
    Device(DeviceFacts facts, std::unique_ptr<Wire> wire, Ref<FrameFilter> filter) : wire_(std::move(wire)), filter_(std::move(filter)) {
        update(std::move(facts));
    }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    void update(DeviceFacts facts) {
        facts_ = std::move(facts);
        net_device_.ifindex = static_cast<int32_t>(facts_.key.ifindex);
        net_device_.mtu = facts_.mtu;
        net_device_.netns_cookie = facts_.key.netns_cookie;
        net_device_.name[facts_.name.copy(net_device_.name, sizeof net_device_.name - 1)] = 0;
    }

    [[nodiscard]] const DeviceFacts& facts() const { return facts_; }
    [[nodiscard]] Wire& wire() { return *wire_; }
    [[nodiscard]] Device* peer() const { return peer_; }
    void set_peer(Device& peer) { peer_ = &peer; }
    [[nodiscard]] DeviceCounters& counters() { return counters_; }
    [[nodiscard]] const DeviceCounters& counters() const { return counters_; }
    // What a program sees as the frame's receive queue; veth has one.
    [[nodiscard]] abi::xdp_rxq_info& receive_queue() { return receive_queue_; }
    [[nodiscard]] abi::xdp_txq_info& transmit_queue() { return transmit_queue_; }

private:
    friend class PacketLoop;

    DeviceFacts facts_;
    std::unique_ptr<Wire> wire_;
    Ref<FrameFilter> filter_;
    Device* peer_ = nullptr;
    abi::net_device net_device_{};
    abi::xdp_rxq_info receive_queue_{&net_device_, 0, 1};
    abi::xdp_txq_info transmit_queue_{&net_device_};
    DeviceCounters counters_;
    std::vector<Frame> outgoing_;  // to go up the wire at the end of the batch
};

}  // namespace graft
