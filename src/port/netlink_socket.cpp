#include "port/netlink_socket.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace graft::netlink {
namespace {

constexpr size_t largest_datagram = 128 * 1024;  // the kernel's dumps stop at 32 KB; one link with many VFs may exceed that

void enable(int fd, int option) {
    const int one = 1;
    setsockopt(fd, SOL_NETLINK, option, &one, sizeof one);  // old kernels: answers without the extension
}

}  // namespace

Result<Socket> Socket::open() {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return fail(errno, "socket(AF_NETLINK)");
    enable(fd.get(), NETLINK_EXT_ACK);
    enable(fd.get(), NETLINK_CAP_ACK);
    enable(fd.get(), NETLINK_GET_STRICT_CHK);
    return Socket(std::move(fd));
}

Result<void> Socket::join(unsigned int group) {
    if (setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return fail(errno, "NETLINK_ADD_MEMBERSHIP");
    return {};
}

Result<void> Socket::send(Builder& builder, uint16_t extra_flags) {
    builder.set_sequence(++sequence_, 0);
    refusal_.clear();
    std::vector<std::byte> bytes;
    const Bytes message = builder.message();
    bytes.assign(message.begin(), message.end());
    nlmsghdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    header.nlmsg_flags = static_cast<uint16_t>(header.nlmsg_flags | NLM_F_REQUEST | extra_flags);
    std::memcpy(bytes.data(), &header, sizeof header);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    while (sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0) {
        if (errno != EINTR) return fail(errno, "netlink send");
    }
    return {};
}

Result<Bytes> Socket::receive() {
    buffer_.resize(largest_datagram);
    ssize_t size = 0;
    while ((size = recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC)) < 0) {
        if (errno != EINTR) return fail(errno, "netlink receive");
    }
    if (static_cast<size_t>(size) > buffer_.size()) return fail(EPROTO, "a netlink answer is too large");
    return Bytes(buffer_).first(static_cast<size_t>(size));
}

Result<void> Socket::verdict(const Message& message) {
    const auto error = message.family_header<nlmsgerr>();
    if (!error) return fail(EPROTO, "a short NLMSG_ERROR");
    if (error->error == 0) return {};
    refusal_ = extended_text(message);
    return fail(-error->error, "refused by the kernel");
}

Result<void> Socket::request(Builder& builder) {
    TRY(send(builder, NLM_F_ACK));
    while (true) {
        const Bytes datagram = TRY(receive());
        for (const Message& message : Messages(datagram)) {
            if (message.header.nlmsg_seq == sequence_ && message.header.nlmsg_type == NLMSG_ERROR) return verdict(message);
        }
    }
}

Result<std::vector<std::byte>> Socket::get(Builder& builder) {
    TRY(send(builder, 0));
    while (true) {
        const Bytes datagram = TRY(receive());
        for (const Message& message : Messages(datagram)) {
            if (message.header.nlmsg_seq != sequence_) continue;
            if (message.header.nlmsg_type != NLMSG_ERROR) return std::vector<std::byte>(message.raw.begin(), message.raw.end());
            TRY(verdict(message));
            return fail(EPROTO, "an acknowledgement instead of an answer");
        }
    }
}

Result<void> Socket::dump(Builder& builder, const std::function<void(const Message&)>& visit) {
    TRY(send(builder, NLM_F_DUMP));
    while (true) {
        const Bytes datagram = TRY(receive());
        for (const Message& message : Messages(datagram)) {
            if (message.header.nlmsg_seq != sequence_) continue;
            if (message.header.nlmsg_type == NLMSG_ERROR) return verdict(message);
            if (message.header.nlmsg_type == NLMSG_DONE) {
                const int code = message.family_header<int>().value_or(0);
                if (code < 0) return fail(-code, "refused by the kernel");
                return {};
            }
            visit(message);
        }
    }
}

std::string_view extended_text(const Message& error) {
    const auto header = error.family_header<nlmsgerr>();
    if (!header || (error.header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
    size_t offset = sizeof *header;
    // Without NLM_F_CAPPED the request's payload stands between.
    if ((error.header.nlmsg_flags & NLM_F_CAPPED) == 0 && header->msg.nlmsg_len > sizeof(nlmsghdr))
        offset += header->msg.nlmsg_len - sizeof(nlmsghdr);
    const auto text = error.attributes(offset).find(NLMSGERR_ATTR_MSG);
    return text ? text->as_string() : std::string_view{};
}

}  // namespace graft::netlink
