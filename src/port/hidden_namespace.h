// HiddenNamespace: the network namespace in which graft keeps the far ends of clients' veth interfaces.
//
// A client's pair veth0 - veth1 is two kernel pairs, veth0 - h0 and h1 - veth1; h0 and h1 live here, without addresses, ARP or IPv6, and
// graft carries frames between them.  Nobody else has a descriptor of it, so it and all of its pairs go when graft goes.
//
// Thread safety: none; PortTable's lock guards it.  errno: EPERM without CAP_SYS_ADMIN and CAP_NET_ADMIN in the user namespace, else the
// kernel's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "port/netlink_socket.h"

namespace graft {

// A link as a creator describes it: an ifinfomsg and IFLA_* attributes, as in VETH_INFO_PEER.
using LinkSpec = std::vector<std::byte>;

class HiddenNamespace {
public:
    static Result<HiddenNamespace> create();

    [[nodiscard]] int netns() const { return netns_.get(); }
    [[nodiscard]] netlink::Socket& socket() { return socket_; }

    // Runs `work` inside.
    Result<void> run(const std::function<Result<void>()>& work);

    // Makes the pair NAME (here, with that index) - visible (in `netns`).  IFLA_NET_NS_* in `visible` must have been taken out.
    Result<void> make_pair(const std::string& name, uint32_t ifindex, Bytes visible, int netns);

    // What a creator's VETH_INFO_PEER is replaced with, so that the peer becomes NAME (here).  To be sent by this process: it holds a
    // descriptor number of ours.
    [[nodiscard]] LinkSpec peer_spec(const std::string& name) const;

private:
    HiddenNamespace(Fd netns, netlink::Socket socket) : netns_(std::move(netns)), socket_(std::move(socket)) {}

    Fd netns_;
    netlink::Socket socket_;
};

// `spec` without the attributes of the types listed (top level).
LinkSpec without_attributes(Bytes spec, std::initializer_list<uint16_t> types);

// An ifinfomsg without wishes, and a name.
LinkSpec named_link(const std::string& name);

}  // namespace graft
