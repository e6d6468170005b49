// XDP: what is attached to each interface, and the run of a frame.
//
// An interface is known by (netns cookie, ifindex).  Three modes as on Linux: generic (skb), native (drv), offload (refused).  Attaching by
// netlink and by link follow Linux's rules and errno: they live here, for both callers.  Ports have native mode, as veth; other interfaces
// have generic mode only, as lo, and no packets pass through what is attached to them. Thread safety: control methods take a lock; a packet
// thread holds a Ref<XdpPort> for as long as it serves the interface and calls run() inside an rcu::ReadGuard, with a CPU slot.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "abi/kernel_types.h"
#include "base/cpus.h"
#include "base/rcu.h"
#include "base/result.h"
#include "engine/engine.h"
#include "program/program.h"

namespace graft {

struct DeviceKey {
    uint64_t netns_cookie = 0;
    uint32_t ifindex = 0;
    friend auto operator<=>(const DeviceKey&, const DeviceKey&) = default;
};

// The program slot of one interface.  Outlives the interface's registration while a packet thread holds it.
class XdpPort final : public RefCounted {
public:
    // The XDP action; XDP_PASS when nothing is attached.  XDP_REDIRECT: context.redirect says where to.
    [[nodiscard]] uint32_t run(abi::xdp_buff& frame, RunContext& context) const {
        const Program* program = rcu::load(program_);
        return program == nullptr ? uint32_t{XDP_PASS} : static_cast<uint32_t>(graft::run(*program, &frame, context));
    }
    [[nodiscard]] bool attached() const { return rcu::load(program_) != nullptr; }
    // In native mode; frames that a sender left to be cut are then cut before a program sees them.
    [[nodiscard]] bool native() const { return native_.load(std::memory_order_relaxed); }

private:
    friend class XdpDevices;
    std::atomic<Program*> program_{nullptr};  // published; owned by XdpDevices' entry
    std::atomic<bool> native_{false};
};

// What is attached to an interface: IFLA_XDP.
struct XdpState {
    uint8_t mode = 0;                 // XDP_ATTACHED_*
    uint32_t drv_id = 0, skb_id = 0;  // program ids, 0: none
};

class XdpDevices {
public:
    // RTM_SETLINK with IFLA_XDP.  program null: detach.  flags: XDP_FLAGS_*; with XDP_FLAGS_REPLACE, `expected` is the program of
    // IFLA_XDP_EXPECTED_FD, which must be attached now; null for fd -1: nothing is.
    struct NetlinkRequest {
        Ref<Program> program;
        Ref<Program> expected;
        uint32_t flags = 0;
    };
    // EEXIST (another than expected is attached; the other mode is in use), EBUSY (a link holds the interface; UPDATE_IF_NOEXIST and
    // something is attached), EINVAL (program of another type, contradictory flags, hardware mode of a port), EOPNOTSUPP (hardware or
    // native mode of an interface that is no port).  The reason is what Linux puts into its extended ack.
    Result<void> set_by_netlink(DeviceKey key, const NetlinkRequest& request);

    // A bpf_link; `owner` identifies it.  flags: a mode or 0.  EBUSY when something is attached in that mode, else as by netlink.
    Result<void> attach_link(DeviceKey key, const Object* owner, Ref<Program> program, uint32_t flags);
    // ENOLINK: the interface is gone, or the link was detached.
    Result<void> update_link(const Object* owner, Ref<Program> program);
    void detach_link(const Object* owner);
    // Where the interface of a link is now (it may have moved); nothing: the interface is gone, or the link was detached.
    [[nodiscard]] std::optional<DeviceKey> interface_of_link(const Object* owner) const;

    // What programs for this interface are bound to.  EOPNOTSUPP: it is no port.
    [[nodiscard]] Result<Ref<BoundDevice>> bind(DeviceKey key);

    [[nodiscard]] XdpState query(DeviceKey key) const;
    // Interfaces that something is attached to and that are no ports: no packets pass through there.
    [[nodiscard]] std::vector<DeviceKey> attached_without_packets() const;

    // The interface, or its namespace with all of its interfaces, is gone: programs are dropped, links of it find themselves detached.
    void interface_gone(DeviceKey key);
    void namespace_gone(uint64_t netns_cookie);
    // The interface is known by another key from now on: it was moved to another namespace.  What is attached stays.
    void moved(DeviceKey from, DeviceKey to);
    // The kernel ends.
    void all_gone();

    // For a packet thread: makes the interface a port, one that supports native mode.
    [[nodiscard]] Ref<XdpPort> port(DeviceKey key);
    // The MTU of a port's other end.  ERANGE: a program without BPF_F_XDP_HAS_FRAGS is to run natively and frames could be larger than its
    // buffer.
    void set_peer_mtu(DeviceKey key, uint32_t mtu);
    // What the MTU of a port's other end may be at most while what is attached is attached; nothing: anything.
    [[nodiscard]] std::optional<uint32_t> peer_mtu_limit(DeviceKey key) const;

private:
    enum class Mode : uint8_t { generic, native, hardware };
    struct Slot {
        Ref<Program> program;
        const Object* link = nullptr;
    };
    struct Device {
        bool is_port = false;
        uint32_t peer_mtu = 0;
        Slot generic, native;
        Ref<XdpPort> port;
        Ref<BoundDevice> bound;  // null: nobody asked for it
    };
    struct Change {
        Ref<Program> program;  // null: detach
        const Object* link = nullptr;
        const Program* expected = nullptr;
        uint32_t flags = 0;
    };

    Device& device(DeviceKey key);
    static Mode mode_of(const Device& device, uint32_t flags);
    static Slot* slot_of(Device& device, Mode mode);
    static Result<void> set(Device& device, const Change& change);
    static void put(Device& device, Slot& slot, Ref<Program> program, const Object* link);
    // What a link holds; slot null: nothing.
    struct Held {
        DeviceKey key;
        Device* device = nullptr;
        Slot* slot = nullptr;
    };
    Held find_link(const Object* owner);
    static Result<void> fits_device(const Device& device, Mode mode, const Program& program);
    static Result<void> fits_native(const Device& device, const Program& program);
    void drop(Device& device);

    mutable std::mutex lock_;
    std::map<DeviceKey, Device> devices_;
};

}  // namespace graft
