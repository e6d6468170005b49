#include "hook/xdp.h"

#include <linux/if_link.h>

#include <bit>

namespace graft {
namespace {

Result<void> may_be_attached(const Program& program) {
    if (program.facts().type != BPF_PROG_TYPE_XDP) return fail(EINVAL, "the program is no XDP program");
    if (program.facts().expected_attach_type == BPF_XDP_DEVMAP)
        return fail(EINVAL, "BPF_XDP_DEVMAP programs can not be attached to a device");
    if (program.facts().expected_attach_type == BPF_XDP_CPUMAP)
        return fail(EINVAL, "BPF_XDP_CPUMAP programs can not be attached to a device");
    return {};
}

Result<void> check_flags(uint32_t flags, bool is_link) {
    if (is_link && (flags & ~XDP_FLAGS_MODES) != 0) return fail(EINVAL, "Invalid XDP flags for BPF link attachment");
    if ((flags & ~XDP_FLAGS_MASK) != 0) return fail(EINVAL, "unknown XDP flag");
    if (std::popcount(flags & XDP_FLAGS_MODES) > 1) return fail(EINVAL, "Only one XDP mode flag can be set");
    return {};
}

// What a page holds beside the headroom, the tailroom and an Ethernet header.
constexpr uint32_t largest_unfragmented_mtu = 4096 - abi::xdp_packet_headroom - abi::xdp_tailroom - 14;

bool takes_fragments(const Program& program) { return (program.facts().flags & BPF_F_XDP_HAS_FRAGS) != 0; }

}  // namespace

XdpDevices::Device& XdpDevices::device(DeviceKey key) {
    Device& found = devices_[key];
    if (!found.port) found.port = make_ref<XdpPort>();
    return found;
}

XdpDevices::Mode XdpDevices::mode_of(const Device& device, uint32_t flags) {
    if ((flags & XDP_FLAGS_HW_MODE) != 0) return Mode::hardware;
    if ((flags & XDP_FLAGS_DRV_MODE) != 0) return Mode::native;
    if ((flags & XDP_FLAGS_SKB_MODE) != 0) return Mode::generic;
    return device.is_port ? Mode::native : Mode::generic;
}

XdpDevices::Slot* XdpDevices::slot_of(Device& device, Mode mode) {
    switch (mode) {
        case Mode::generic:
            return &device.generic;
        case Mode::native:
            return &device.native;
        case Mode::hardware:
            return nullptr;  // nothing is ever attached there
    }
    return nullptr;
}

// Publishes.  The packet path may be inside the old program still: a program outlives its last reference by a grace period.
void XdpDevices::put(Device& device, Slot& slot, Ref<Program> program, const Object* link) {
    const Ref<Program> old = std::exchange(slot.program, std::move(program));
    slot.link = link;
    const Slot& in_use = device.native.program ? device.native : device.generic;
    device.port->native_.store(&in_use == &device.native && in_use.program, std::memory_order_relaxed);
    rcu::store(device.port->program_, in_use.program.get());
}

Result<void> XdpDevices::fits_device(const Device& device, Mode mode, const Program& program) {
    const BoundDevice* const bound = program.facts().bound_device.get();
    if (bound == nullptr) return {};
    if (bound != device.bound.get()) return fail(EINVAL, "Program bound to different device");
    if (mode == Mode::generic) return fail(EINVAL, "Can't attach device-bound programs in generic mode");
    return {};
}

Result<void> XdpDevices::fits_native(const Device& device, const Program& program) {
    if (takes_fragments(program) || device.peer_mtu <= largest_unfragmented_mtu) return {};
    return fail(ERANGE, "veth: Peer MTU is too large to set XDP");
}

// The order of the refusals is Linux's.
Result<void> XdpDevices::set(Device& device, const Change& change) {
    TRY(check_flags(change.flags, change.link != nullptr));
    const Mode mode = mode_of(device, change.flags);
    Slot none;
    Slot& slot = mode == Mode::hardware ? none : *slot_of(device, mode);
    if (slot.link != nullptr) return fail(EBUSY, "Can't replace active BPF XDP link");
    if (change.link != nullptr && slot.program) return fail(EBUSY, "Can't replace active XDP program with BPF link");
    if ((change.flags & XDP_FLAGS_REPLACE) != 0 && slot.program.get() != change.expected) {
        return fail(EEXIST, "Active program does not match expected");
    }
    if (change.program) {
        if (mode != Mode::generic && !device.is_port) return fail(EOPNOTSUPP, "Underlying driver does not support XDP in native mode");
        if ((change.flags & XDP_FLAGS_UPDATE_IF_NOEXIST) != 0 && slot.program) return fail(EBUSY, "XDP program already attached");
        const Slot& other = mode == Mode::generic ? device.native : device.generic;
        if (mode != Mode::hardware && other.program) return fail(EEXIST, "Native and generic XDP can't be active at the same time");
        TRY(fits_device(device, mode, *change.program));
        TRY(may_be_attached(*change.program));
    }
    if (change.program == slot.program) return {};
    if (mode == Mode::hardware && device.is_port) return fail(EINVAL, "graft's ports have no hardware offload");
    if (mode == Mode::native && change.program) TRY(fits_native(device, *change.program));
    put(device, slot, change.program, change.link);
    return {};
}

Result<void> XdpDevices::set_by_netlink(DeviceKey key, const NetlinkRequest& request) {
    if (request.program && request.program->facts().type != BPF_PROG_TYPE_XDP) return fail(EINVAL, "the program is no XDP program");
    if (request.expected && request.expected->facts().type != BPF_PROG_TYPE_XDP)
        return fail(EINVAL, "the expected program is no XDP program");
    const std::lock_guard guard(lock_);
    return set(device(key), {request.program, nullptr, request.expected.get(), request.flags});
}

Result<void> XdpDevices::attach_link(DeviceKey key, const Object* owner, Ref<Program> program, uint32_t flags) {
    const std::lock_guard guard(lock_);
    return set(device(key), {std::move(program), owner, nullptr, flags});
}

// By the link alone: its interface may have moved.
XdpDevices::Held XdpDevices::find_link(const Object* owner) {
    for (auto& [key, device] : devices_) {
        for (Slot* slot : {&device.native, &device.generic}) {
            if (slot->link == owner && owner != nullptr) return {key, &device, slot};
        }
    }
    return {};
}

Result<void> XdpDevices::update_link(const Object* owner, Ref<Program> program) {
    const std::lock_guard guard(lock_);
    const Held held = find_link(owner);
    if (held.slot == nullptr) return fail(ENOLINK, "the link has no interface any more");
    if (program->facts().type != BPF_PROG_TYPE_XDP) return fail(EINVAL, "the program is no XDP program");
    if (program->facts().expected_attach_type != held.slot->program->facts().expected_attach_type) {
        return fail(EINVAL, "the program has another expected_attach_type than the attached one");
    }
    if (held.slot->program == program) return {};
    const bool is_native = held.slot == &held.device->native;
    TRY(fits_device(*held.device, is_native ? Mode::native : Mode::generic, *program));
    if (is_native) TRY(fits_native(*held.device, *program));
    put(*held.device, *held.slot, std::move(program), owner);
    return {};
}

void XdpDevices::detach_link(const Object* owner) {
    const std::lock_guard guard(lock_);
    const Held held = find_link(owner);
    if (held.slot != nullptr) put(*held.device, *held.slot, nullptr, nullptr);
}

std::optional<DeviceKey> XdpDevices::interface_of_link(const Object* owner) const {
    const std::lock_guard guard(lock_);
    const Held held = const_cast<XdpDevices*>(this)->find_link(owner);
    if (held.slot == nullptr) return std::nullopt;
    return held.key;
}

XdpState XdpDevices::query(DeviceKey key) const {
    const std::lock_guard guard(lock_);
    const auto found = devices_.find(key);
    if (found == devices_.end()) return {};
    const auto id_of = [](const Slot& slot) { return slot.program ? slot.program->id() : 0; };
    XdpState state;
    state.drv_id = id_of(found->second.native);
    state.skb_id = id_of(found->second.generic);
    if (state.drv_id != 0) state.mode = XDP_ATTACHED_DRV;
    if (state.skb_id != 0) state.mode = XDP_ATTACHED_SKB;
    return state;
}

Result<Ref<BoundDevice>> XdpDevices::bind(DeviceKey key) {
    const std::lock_guard guard(lock_);
    const auto found = devices_.find(key);
    if (found == devices_.end() || !found->second.is_port) return fail(EOPNOTSUPP, "programs are bound to graft's ports alone");
    if (!found->second.bound) found->second.bound = make_ref<BoundDevice>();
    return found->second.bound;
}

void XdpDevices::drop(Device& device) {
    if (device.bound) std::exchange(device.bound, nullptr)->interface_gone();
    put(device, device.native, nullptr, nullptr);
    put(device, device.generic, nullptr, nullptr);
}

void XdpDevices::interface_gone(DeviceKey key) {
    const std::lock_guard guard(lock_);
    const auto found = devices_.find(key);
    if (found == devices_.end()) return;
    drop(found->second);
    devices_.erase(found);
}

void XdpDevices::namespace_gone(uint64_t netns_cookie) {
    const std::lock_guard guard(lock_);
    const auto first = devices_.lower_bound({netns_cookie, 0});
    auto last = first;
    for (; last != devices_.end() && last->first.netns_cookie == netns_cookie; ++last) drop(last->second);
    devices_.erase(first, last);
}

void XdpDevices::moved(DeviceKey from, DeviceKey to) {
    const std::lock_guard guard(lock_);
    auto node = devices_.extract(from);
    if (node.empty()) return;
    // Something was kept for an interface that is gone without anybody having told: it must not be found on this one.
    if (const auto stale = devices_.find(to); stale != devices_.end()) {
        drop(stale->second);
        devices_.erase(stale);
    }
    node.key() = to;
    devices_.insert(std::move(node));
}

std::vector<DeviceKey> XdpDevices::attached_without_packets() const {
    const std::lock_guard guard(lock_);
    std::vector<DeviceKey> keys;
    for (const auto& [key, device] : devices_) {
        if (!device.is_port && (device.native.program || device.generic.program)) keys.push_back(key);
    }
    return keys;
}

void XdpDevices::set_peer_mtu(DeviceKey key, uint32_t mtu) {
    const std::lock_guard guard(lock_);
    device(key).peer_mtu = mtu;
}

std::optional<uint32_t> XdpDevices::peer_mtu_limit(DeviceKey key) const {
    const std::lock_guard guard(lock_);
    const auto found = devices_.find(key);
    if (found == devices_.end() || !found->second.native.program || takes_fragments(*found->second.native.program)) return std::nullopt;
    return largest_unfragmented_mtu;
}

void XdpDevices::all_gone() {
    const std::lock_guard guard(lock_);
    for (auto& [key, device] : devices_) drop(device);
    devices_.clear();
}

Ref<XdpPort> XdpDevices::port(DeviceKey key) {
    const std::lock_guard guard(lock_);
    Device& found = device(key);
    found.is_port = true;
    return found.port;
}

}  // namespace graft
