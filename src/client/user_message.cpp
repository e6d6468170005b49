#include "client/user_message.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace graft::client {
namespace {

constexpr size_t most_pieces = 1024;          // UIO_MAXIOV
constexpr size_t longest_datagram = 1 << 20;  // of requests; a longer one is nothing that graft knows

Result<std::vector<iovec>> read_pieces(Trap& trap, uint64_t address, size_t count) {
    if (count > most_pieces) return fail(EMSGSIZE);
    std::vector<iovec> pieces(count);
    TRY(trap.read(address, std::as_writable_bytes(std::span(pieces))));
    return pieces;
}

size_t total(const std::vector<iovec>& pieces) {
    size_t size = 0;
    for (const iovec& piece : pieces) size += std::min(piece.iov_len, SIZE_MAX - size);
    return size;
}

Result<void> read_bytes(Trap& trap, const std::vector<iovec>& pieces, std::vector<std::byte>& bytes) {
    if (total(pieces) > longest_datagram) return fail(EMSGSIZE);
    bytes.resize(total(pieces));
    MutableBytes rest(bytes);
    for (const iovec& piece : pieces) {
        TRY(trap.read(reinterpret_cast<uint64_t>(piece.iov_base), rest.first(piece.iov_len)));
        rest = rest.subspan(piece.iov_len);
    }
    return {};
}

Result<void> read_name(Trap& trap, uint64_t address, size_t length, OutgoingMessage& message) {
    if (address == 0 || length == 0) return {};
    sockaddr_nl name{};
    if (length < sizeof name) return fail(EINVAL);
    TRY(trap.read(address, writable_bytes_of(name)));
    message.has_name = true;
    message.to_kernel = name.nl_family == AF_NETLINK && name.nl_pid == 0 && name.nl_groups == 0;
    return {};
}

std::vector<iovec> one_piece(uint64_t address, uint64_t length) { return {{reinterpret_cast<void*>(address), length}}; }

}  // namespace

Result<OutgoingMessage> read_outgoing(Trap& trap) {
    OutgoingMessage message;
    std::vector<iovec> pieces;
    switch (trap.number()) {
        case SYS_sendmsg:
        case SYS_sendmmsg: {
            if (trap.number() == SYS_sendmmsg && trap.argument(2) == 0) return fail(EINVAL);
            // The msghdr is the first member of a mmsghdr.
            const auto header = TRY(trap.read_value<msghdr>(trap.argument(1)));
            TRY(read_name(trap, reinterpret_cast<uint64_t>(header.msg_name), header.msg_namelen, message));
            pieces = TRY(read_pieces(trap, reinterpret_cast<uint64_t>(header.msg_iov), header.msg_iovlen));
            break;
        }
        case SYS_writev:
            pieces = TRY(read_pieces(trap, trap.argument(1), trap.argument(2)));
            break;
        case SYS_sendto:
            TRY(read_name(trap, trap.argument(4), static_cast<uint32_t>(trap.argument(5)), message));
            [[fallthrough]];
        default:
            pieces = one_piece(trap.argument(1), trap.argument(2));
    }
    TRY(read_bytes(trap, pieces, message.bytes));
    return message;
}

Result<int64_t> write_sent(Trap& trap, size_t sent) {
    if (trap.number() != SYS_sendmmsg) return static_cast<int64_t>(sent);
    TRY(trap.write_value(trap.argument(1) + offsetof(mmsghdr, msg_len), static_cast<unsigned>(sent)));
    return 1;
}

size_t IncomingMessage::capacity() const { return total(pieces); }

Result<IncomingMessage> read_incoming(Trap& trap) {
    IncomingMessage message;
    switch (trap.number()) {
        case SYS_recvmsg:
        case SYS_recvmmsg: {
            if (trap.number() == SYS_recvmmsg && trap.argument(2) == 0) {
                message.native = true;
                return message;
            }
            message.header = trap.argument(1);
            const auto header = TRY(trap.read_value<msghdr>(message.header));
            message.pieces = TRY(read_pieces(trap, reinterpret_cast<uint64_t>(header.msg_iov), header.msg_iovlen));
            message.name = reinterpret_cast<uint64_t>(header.msg_name);
            message.name_capacity = header.msg_namelen;
            message.control = reinterpret_cast<uint64_t>(header.msg_control);
            message.control_capacity = message.control != 0 ? header.msg_controllen : 0;
            message.flags = trap.int_argument(trap.number() == SYS_recvmsg ? 2 : 3);
            break;
        }
        case SYS_recvfrom:
            message.pieces = one_piece(trap.argument(1), trap.argument(2));
            message.flags = trap.int_argument(3);
            message.name = trap.argument(4);
            message.name_length = trap.argument(5);
            if (message.name != 0) message.name_capacity = TRY(trap.read_value<uint32_t>(message.name_length));
            break;
        case SYS_readv:
            message.pieces = TRY(read_pieces(trap, trap.argument(1), trap.argument(2)));
            break;
        default:
            message.pieces = one_piece(trap.argument(1), trap.argument(2));
    }
    if (static_cast<int32_t>(message.name_capacity) < 0) return fail(EINVAL);
    message.native = (message.flags & (MSG_ERRQUEUE | MSG_OOB)) != 0;
    return message;
}

Result<int64_t> write_received(Trap& trap, const IncomingMessage& message, const Rtnetlink::Received& received) {
    Bytes rest(received.bytes);
    for (const iovec& piece : message.pieces) {
        const Bytes part = rest.first(std::min(rest.size(), piece.iov_len));
        TRY(trap.write(reinterpret_cast<uint64_t>(piece.iov_base), part));
        rest = rest.subspan(part.size());
    }
    const uint32_t name_length = sizeof received.name;
    if (message.name != 0) TRY(trap.write(message.name, bytes_of(received.name).first(std::min(name_length, message.name_capacity))));
    if (message.name_length != 0 && message.name != 0) TRY(trap.write_value(message.name_length, name_length));
    if (message.header == 0) return static_cast<int64_t>(received.result);

    const auto put = [&](size_t offset, const auto& value) { return trap.write_value(message.header + offset, value); };
    TRY(trap.write(message.control, received.control));
    TRY(put(offsetof(msghdr, msg_namelen), message.name != 0 ? name_length : uint32_t{0}));
    TRY(put(offsetof(msghdr, msg_controllen), received.control.size()));
    TRY(put(offsetof(msghdr, msg_flags), received.flags));
    if (trap.number() != SYS_recvmmsg) return static_cast<int64_t>(received.result);
    TRY(put(offsetof(mmsghdr, msg_len), static_cast<unsigned>(received.result)));
    return 1;
}

}  // namespace graft::client
