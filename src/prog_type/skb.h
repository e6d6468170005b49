// __sk_buff: the context that socket_filter, sched_cls and sched_act share.
#pragma once

#include "prog_type/prog_type.h"

namespace graft::skb {

// What holds for every type that has this context; a type refuses some fields before it asks.
[[nodiscard]] std::optional<CtxAccess> ctx_access(uint32_t offset, uint32_t size, bool is_write);
// On abi::sk_buff.
[[nodiscard]] std::vector<bpf_insn> convert(const bpf_insn& insn);

}  // namespace graft::skb
