// What `graft status` and `graft port list` tell of a port.
//
// Values, taken at one moment; counters may be some frames apart.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "hook/xdp.h"

namespace graft {

struct PortEndStatus {
    DeviceKey key;
    std::string name;
    std::array<uint8_t, 6> mac{};
    uint32_t mtu = 0;
    bool up = false;
    bool carrier = false;
    // Of frames that arrived here.
    uint64_t frames = 0, bytes = 0;
    std::array<uint64_t, 5> verdicts{};  // by XDP action, XDP_ABORTED first
    uint64_t delivered = 0, not_delivered = 0, redirect_errors = 0, redirect_drops = 0, loops = 0;
    uint64_t overruns = 0;  // of frames that were sent here
};

struct PortStatus {
    uint32_t id = 0;
    std::array<PortEndStatus, 2> ends;
};

}  // namespace graft
