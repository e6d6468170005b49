#include "client/interfaces.h"

#include <cstring>

namespace graft::client {
namespace {

class XdpFilter final : public FrameFilter {
public:
    explicit XdpFilter(Ref<XdpPort> port) : port_(std::move(port)) {}
    [[nodiscard]] Mode mode() const override { return !port_->attached() ? Mode::none : port_->native() ? Mode::native : Mode::generic; }
    [[nodiscard]] uint32_t run(abi::xdp_buff& frame, RunContext& context) const override { return port_->run(frame, context); }

private:
    Ref<XdpPort> port_;
};

}  // namespace

Interfaces::Interfaces(Kernel& kernel) : kernel_(kernel) {
    const Result<void> started = start();
    if (!started.ok()) {
        const char* reason = started.error().reason;
        missing_ = std::string("no ports, so no packets pass through XDP programs: ") + (reason != nullptr ? reason : "the host refuses") +
                   ": " + std::strerror(started.code());
        loop_.reset();
    }
    rtnetlink_ = std::make_unique<Rtnetlink>(kernel_.xdp, ports_.get());
}

Interfaces::~Interfaces() {
    rtnetlink_.reset();
    ports_.reset();
    loop_.reset();
}

Result<void> Interfaces::start() {
    loop_ = TRY(PacketLoop::start(kernel_.runtime));
    ports_ = TRY(PortTable::create(*loop_, *this));
    return {};
}

std::vector<Interfaces::Idle> Interfaces::attached_without_packets() {
    std::vector<Idle> idle;
    for (const DeviceKey key : kernel_.xdp.attached_without_packets()) {
        idle.push_back({key, ports_ ? ports_->name_of(key) : std::string(), kernel_.xdp.query(key)});
    }
    return idle;
}

Ref<FrameFilter> Interfaces::filter(DeviceKey key) { return make_ref<XdpFilter>(kernel_.xdp.port(key)); }
void Interfaces::peer_mtu(DeviceKey key, uint32_t mtu) { kernel_.xdp.set_peer_mtu(key, mtu); }
void Interfaces::moved(DeviceKey from, DeviceKey to) { kernel_.xdp.moved(from, to); }
void Interfaces::interface_gone(DeviceKey key) {
    kernel_.xdp.interface_gone(key);
    kernel_.maps.for_each([key](uint32_t, Map& map) { map.interface_gone(key.netns_cookie, key.ifindex); });
}
void Interfaces::namespace_gone(uint64_t cookie) { kernel_.xdp.namespace_gone(cookie); }

}  // namespace graft::client
