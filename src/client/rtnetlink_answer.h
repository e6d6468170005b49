// What rtnetlink tells a client, put right: the XDP programs of graft in place of the host's, the visible peer in place of the hidden one,
// the errno of what graft refused.
//
// Pure: bytes in, bytes out.  A datagram is taken message by message; what is not understood is left as it is, byte by byte.
// Thread safety: none needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hook/xdp.h"
#include "port/netlink.h"

namespace graft::client {

// What is to be said of an interface.
struct LinkView {
    XdpState xdp;
    struct Peer {
        uint32_t ifindex = 0;
        std::optional<int32_t> nsid;  // nothing: it is in the same namespace
    };
    std::optional<Peer> peer;         // of one end of a port
    std::optional<uint32_t> max_mtu;  // nothing: what the host says
};

class LinkViews {
public:
    virtual ~LinkViews() = default;
    // nsid: the message is about an interface of that other namespace (IFLA_TARGET_NETNSID).
    virtual LinkView view(uint32_t ifindex, std::optional<int32_t> nsid) = 0;
};

// The answer to a request that was sent in place of the client's.
struct PendingAnswer {
    uint32_t sequence = 0;
    bool decided = false;            // by graft: `code` and `text` count, whatever the host said
    int code = 0;                    // a positive errno, or 0
    std::string text;                // extended acknowledgement; may be empty
    std::vector<std::byte> request;  // the client's own: Linux sends it back with an error
};

struct AnswerOptions {
    bool cap_ack = false;  // the client's NETLINK_CAP_ACK
    bool ext_ack = false;  // and NETLINK_EXT_ACK
};

class AnswerRewriter {
public:
    AnswerRewriter(LinkViews& views, std::vector<PendingAnswer>& pending, AnswerOptions options)
        : views_(views), pending_(pending), options_(options) {}

    // The datagram as the client is to see it.  Empty although `datagram` is not: there is nothing in it for a client.
    // used(): the pending answers that were put in; they are to be dropped when the client has got the datagram.
    std::vector<std::byte> rewrite(Bytes datagram);
    [[nodiscard]] const std::vector<uint32_t>& used() const { return used_; }

private:
    void link(const netlink::Message& message, std::vector<std::byte>& out);
    bool error(const netlink::Message& message, std::vector<std::byte>& out);

    LinkViews& views_;
    std::vector<PendingAnswer>& pending_;
    AnswerOptions options_;
    std::vector<uint32_t> used_;
};

}  // namespace graft::client
