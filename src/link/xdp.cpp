#include "link/xdp.h"

#include <utility>

namespace graft {

XdpLink::XdpLink(Ref<Program> program, XdpDevices& devices) : Link(BPF_LINK_TYPE_XDP, std::move(program)), devices_(devices) {}

XdpLink::~XdpLink() { devices_.detach_link(this); }

Result<void> XdpLink::fill_info(Caller&, bpf_link_info& info) const {
    info.xdp.ifindex = devices_.interface_of_link(this).value_or(DeviceKey{}).ifindex;
    return {};
}

Result<void> XdpLink::update(Ref<Program> next, Ref<Program> expected, uint32_t) {
    const std::lock_guard guard(update_lock_);
    if (!devices_.interface_of_link(this)) return fail(ENOLINK, "the link has no interface any more");
    if (expected && expected != program()) return fail(EPERM, "another program than the expected one is attached");
    TRY(devices_.update_link(this, next));
    set_program(std::move(next));
    return {};
}

Result<void> XdpLink::detach() {
    devices_.detach_link(this);
    return {};
}

Result<Ref<Link>> attach_xdp(Ref<Program> program, DeviceKey device, uint32_t flags, XdpDevices& devices) {
    Ref<Link> link = make_ref<XdpLink>(program, devices);
    TRY(devices.attach_link(device, link.get(), std::move(program), flags));
    return link;
}

}  // namespace graft
