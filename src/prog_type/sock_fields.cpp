#include "prog_type/sock_fields.h"

#include "prog_type/context.h"

namespace graft::sock_fields {
namespace {

constexpr uint32_t word = sizeof(uint32_t), wide = sizeof(uint64_t);

bool begins_number(uint32_t offset) {
    switch (offset) {
        case offsetof(bpf_sock, family):
        case offsetof(bpf_sock, type):
        case offsetof(bpf_sock, protocol):
        case offsetof(bpf_sock, src_port):
        case offsetof(bpf_sock, state):
        case offsetof(bpf_sock, rx_queue_mapping):
            return true;
        default:
            return false;
    }
}

}  // namespace

std::optional<CtxAccess> sock(uint32_t offset, uint32_t size) {
    if (offset >= sizeof(bpf_sock) || offset % size != 0) return std::nullopt;
    const auto port = GRAFT_FIELD(bpf_sock, dst_port);
    if (port.has(offset)) return context::narrow_read(size, size == word ? word : uint32_t{sizeof(bpf_sock::dst_port)});
    if (offset >= port.offset && offset < offsetof(bpf_sock, dst_ip4)) return std::nullopt;  // padding behind the port
    // Addresses may be read in any parts, numbers only from their first byte on.
    const bool in_parts = GRAFT_FIELDS(bpf_sock, src_ip4, src_ip6).has(offset) || GRAFT_FIELDS(bpf_sock, dst_ip4, dst_ip6).has(offset);
    if (in_parts || begins_number(offset)) return context::narrow_read(size, word);
    if (size != word) return std::nullopt;
    return CtxAccess{};
}

std::optional<CtxAccess> sock_common(uint32_t offset, uint32_t size) {
    if (GRAFT_FIELDS(bpf_sock, type, priority).has(offset)) return std::nullopt;
    return sock(offset, size);
}

std::optional<CtxAccess> tcp_sock(uint32_t offset, uint32_t size) {
    if (!GRAFT_FIELDS(bpf_tcp_sock, snd_cwnd, icsk_retransmits).has(offset) || offset % size != 0) return std::nullopt;
    const bool bytes = offset == offsetof(bpf_tcp_sock, bytes_received) || offset == offsetof(bpf_tcp_sock, bytes_acked);
    if (size != (bytes ? wide : word)) return std::nullopt;
    return CtxAccess{};
}

std::optional<CtxAccess> xdp_sock(uint32_t offset, uint32_t size) {
    if (offset >= sizeof(bpf_xdp_sock) || offset % size != 0 || size != word) return std::nullopt;
    return CtxAccess{};
}

}  // namespace graft::sock_fields
