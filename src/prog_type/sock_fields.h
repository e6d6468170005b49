// The sockets that programs see, field by field: struct bpf_sock, bpf_tcp_sock, bpf_xdp_sock.
#pragma once

#include "prog_type/prog_type.h"

namespace graft::sock_fields {

// May `size` bytes at `offset` be read?
[[nodiscard]] std::optional<CtxAccess> sock(uint32_t offset, uint32_t size);
// Of a socket that may be a request or in TIME_WAIT: it has only what all have.
[[nodiscard]] std::optional<CtxAccess> sock_common(uint32_t offset, uint32_t size);
[[nodiscard]] std::optional<CtxAccess> tcp_sock(uint32_t offset, uint32_t size);
[[nodiscard]] std::optional<CtxAccess> xdp_sock(uint32_t offset, uint32_t size);

}  // namespace graft::sock_fields
