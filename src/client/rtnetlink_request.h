// What a client asks of rtnetlink, as far as graft must know: XDP on an interface, veth pairs, moves between namespaces.
//
// Pure: bytes in, values out.  A message that Linux refuses for its form, or that asks nothing of graft, is `none`: the host's kernel
// answers it in its own words.  The rules of form are Linux 6.12's, asked there:
//   attributes end at the first that is broken; of a repeated one the last counts; unknown ones are passed over
//   IFLA_XDP_FD and _FLAGS of less than 4 bytes: ERANGE, _EXPECTED_FD of another length: EINVAL, _ATTACHED or _PROG_ID present: EINVAL
//   no IFLA_XDP_FD: nothing is changed; _EXPECTED_FD counts with XDP_FLAGS_REPLACE only, and must be there then
// Ownership: views into the message.
#pragma once

#include <linux/rtnetlink.h>

#include <cstdint>
#include <optional>
#include <string>

#include "port/hidden_namespace.h"
#include "port/netlink.h"

namespace graft::client {

struct XdpChange {
    int32_t fd = -1;  // of the client; any negative: detach
    uint32_t flags = 0;
    std::optional<int32_t> expected_fd;  // any negative: nothing is attached
};

// The end of a pair that VETH_INFO_PEER describes.
struct VethPeer {
    Bytes spec;            // ifinfomsg and attributes
    bool separate = true;  // false: there is no VETH_INFO_PEER, and the link's own attributes count for the peer too, except its name
};

// IFLA_NET_NS_PID, IFLA_NET_NS_FD: a number in the client's tables.
struct NamespaceNumber {
    uint16_t type = 0;
    int32_t number = 0;
};

struct LinkRequest {
    ifinfomsg header{};
    netlink::Attributes attributes{Bytes{}};
    std::string name;  // IFLA_IFNAME, or IFLA_ALT_IFNAME; empty: none
    bool create = false;
    std::optional<XdpChange> xdp;
    std::optional<VethPeer> veth;
    std::optional<NamespaceNumber> netns;  // where the interface is to be
    std::optional<uint32_t> mtu;
    bool changes_more = false;  // than IFLA_XDP says
};

// RTM_NEWLINK or RTM_SETLINK; nothing: something else, or of no concern to graft.
std::optional<LinkRequest> parse_link_request(const netlink::Message& message);

// The namespace number among attributes; Linux looks for IFLA_TARGET_NETNSID, _PID, _FD in this order, and graft leaves a request with the
// first to the host.
std::optional<NamespaceNumber> namespace_number(const netlink::Attributes& attributes);

// --- what is sent instead
// ------------------------------------------------------------------------------------------------------------------

// The request without IFLA_XDP and without namespace numbers (`netns`: that descriptor of ours instead, or -1).
std::vector<std::byte> without_xdp(const netlink::Message& message, int netns);

// What changes nothing and is acknowledged: RTM_SETLINK of the interface, with `group`, the group it is in, so that listeners are told of a
// change.
std::vector<std::byte> touch_interface(const netlink::Message& message, uint32_t ifindex, uint32_t group);

// What is refused for sure: RTM_SETLINK of no interface.
std::vector<std::byte> refused_request(const netlink::Message& message);

// The creation of a pair with another peer, in `netns` of ours if >= 0.
std::vector<std::byte> with_peer(const netlink::Message& message, Bytes peer, int netns);

// The peer's description for the hidden namespace's side: namespace numbers taken out.
LinkSpec peer_description(const LinkRequest& request);

}  // namespace graft::client
