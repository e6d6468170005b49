// LinkInfo: what the kernel tells of one interface (RTM_NEWLINK), and the requests that ask for it or change it.
//
// Thread safety: values; requests use the Socket that they are given, and act in its namespace; a question may also go to the one that has
// a number there (IFLA_TARGET_NETNSID; in a *change* the kernel takes that attribute for "move it there").  errno: the kernel's; ENODEV:
// there is no such interface.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "port/netlink_socket.h"

namespace graft {

struct LinkInfo {
    uint32_t ifindex = 0;
    std::string name;
    uint32_t flags = 0;  // IFF_*
    uint32_t mtu = 0;
    std::array<uint8_t, 6> mac{};
    std::string kind;                     // of IFLA_LINKINFO: "veth"; empty for a physical one
    uint32_t link = 0;                    // ifindex of the other end, or 0
    std::optional<int32_t> link_netnsid;  // where the other end is; nothing: here
    bool carrier = false;
    uint32_t tx_queues = 0, rx_queues = 0;
    uint32_t group = 0;

    [[nodiscard]] bool up() const { return (flags & 1U) != 0; }  // IFF_UP
};

// An nsid as the requesting socket's namespace numbers them; nothing: that namespace itself.
using TargetNamespace = std::optional<int32_t>;

// The interface that an RTM_NEWLINK or RTM_DELLINK speaks of; nothing when the message is too short.
std::optional<LinkInfo> parse_link(const netlink::Message& message);

Result<LinkInfo> get_link(netlink::Socket& socket, uint32_t ifindex, TargetNamespace where = {});
Result<LinkInfo> get_link(netlink::Socket& socket, const std::string& name, TargetNamespace where = {});

Result<void> delete_link(netlink::Socket& socket, uint32_t ifindex);
Result<void> set_link_up(netlink::Socket& socket, uint32_t ifindex);
Result<void> set_link_down(netlink::Socket& socket, uint32_t ifindex);

// The number by which the socket's namespace knows the one behind `netns`; given out when there is none yet.  `wanted`: that number, if
// free.
Result<int32_t> nsid_of(netlink::Socket& socket, int netns, std::optional<int32_t> wanted = {});

// The number that namespace `in` has for the one that the socket's namespace calls `nsid`; both numbers are the socket's.  ENOENT: it has
// none.
Result<int32_t> translate_nsid(netlink::Socket& socket, int32_t nsid, int32_t in);

}  // namespace graft
