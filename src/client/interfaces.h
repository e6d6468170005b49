// Interfaces: the packet side of one kernel: its ports, the loop that moves their frames, and what rtnetlink tells clients of both.
//
// Where the host refuses what ports need (a network namespace of graft's own, packet sockets), `missing` says so, and the rest works: XDP
// programs can be attached, and no packets pass.
//
// Thread safety: all methods.  The kernel must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/rtnetlink.h"
#include "port/packet_loop.h"
#include "port/port_table.h"
#include "syscall/kernel.h"

namespace graft::client {

class Interfaces final : public PortTable::Listener {
public:
    explicit Interfaces(Kernel& kernel);
    ~Interfaces() override;

    [[nodiscard]] Rtnetlink& rtnetlink() { return *rtnetlink_; }
    [[nodiscard]] PortTable* ports() { return ports_.get(); }
    // One sentence: why there are no ports; empty: there are.
    [[nodiscard]] const std::string& missing() const { return missing_; }

    // Interfaces with an XDP program that no packets pass through.
    struct Idle {
        DeviceKey key;
        std::string name;
        XdpState xdp;
    };
    [[nodiscard]] std::vector<Idle> attached_without_packets();

    Ref<FrameFilter> filter(DeviceKey key) override;
    void peer_mtu(DeviceKey key, uint32_t mtu) override;
    void moved(DeviceKey from, DeviceKey to) override;
    void interface_gone(DeviceKey key) override;
    void namespace_gone(uint64_t cookie) override;

private:
    Result<void> start();

    Kernel& kernel_;
    std::unique_ptr<PacketLoop> loop_;
    std::unique_ptr<PortTable> ports_;
    std::unique_ptr<Rtnetlink> rtnetlink_;
    std::string missing_;
};

}  // namespace graft::client
