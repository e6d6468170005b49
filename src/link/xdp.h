// XdpLink: a program at an interface, held by a link (BPF_LINK_TYPE_XDP).
//
// When the interface goes, the link stays, attached to nothing: its ifindex reads 0, its update is ENOLINK.
#pragma once

#include "hook/xdp.h"
#include "link/link.h"

namespace graft {

class XdpLink final : public Link {
public:
    XdpLink(Ref<Program> program, XdpDevices& devices);
    ~XdpLink() override;

    Result<void> fill_info(Caller& caller, bpf_link_info& info) const override;
    Result<void> update(Ref<Program> program, Ref<Program> expected, uint32_t flags) override;
    Result<void> detach() override;

private:
    XdpDevices& devices_;
    std::mutex update_lock_;
};

// flags: a mode, or 0.  Errno as XdpDevices::attach_link.
Result<Ref<Link>> attach_xdp(Ref<Program> program, DeviceKey device, uint32_t flags, XdpDevices& devices);

}  // namespace graft
