// Socket: a NETLINK_ROUTE socket of graft's own that asks the kernel and reads its answer.
//
// Thread safety: one thread at a time.  The network namespace is that of the thread that opened it, for good; an open Socket keeps that
// namespace alive, so none is kept open in a namespace of a client.
// errno: the kernel's own, with its extended text in refusal(); EPROTO for an answer that is no netlink.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "port/netlink.h"

namespace graft::netlink {

class Socket {
public:
    static Result<Socket> open();

    [[nodiscard]] int fd() const { return fd_.get(); }

    // Sends with NLM_F_ACK and waits for the verdict.
    Result<void> request(Builder& builder);

    // A GET that is answered by one message; the copy of it.
    Result<std::vector<std::byte>> get(Builder& builder);

    // A GET with NLM_F_DUMP.
    Result<void> dump(Builder& builder, const std::function<void(const Message&)>& visit);

    // Joins a multicast group (RTNLGRP_*).
    Result<void> join(unsigned int group);

    // What the kernel said about the last refusal (NLMSGERR_ATTR_MSG); empty when it said nothing.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

private:
    explicit Socket(Fd fd) : fd_(std::move(fd)) {}
    Result<void> send(Builder& builder, uint16_t extra_flags);
    Result<Bytes> receive();
    Result<void> verdict(const Message& message);

    Fd fd_;
    uint32_t sequence_ = 0;
    std::vector<std::byte> buffer_;
    std::string refusal_;
};

// The text of the kernel's extended acknowledgement in an NLMSG_ERROR, or empty.
[[nodiscard]] std::string_view extended_text(const Message& error);

}  // namespace graft::netlink
