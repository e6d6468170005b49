// Program types: context, helpers, return values.  One file a type; prog_types.cpp is the table.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "abi/bpf.h"
#include "helper/helper.h"

namespace graft {

// What a load or store went through; the context accesses among them are rewritten after verification.
enum class PointerUse : uint8_t { none, plain, ctx, btf_object, sock, sock_common, tcp_sock, xdp_sock, several };

// What a context field holds for the program.
enum class CtxField : uint8_t {
    scalar,
    packet,
    packet_meta,
    packet_end,
    sock,
    sock_or_null,
    sock_common_or_null,
    flow_keys,
    tp_buffer,
    btf_pointer
};

struct CtxAccess {
    CtxField field = CtxField::scalar;
    uint32_t field_size = 0;  // bytes of the whole field: a narrower load of it is allowed when equal to what was asked
    uint32_t btf_id = 0;      // btf_pointer: the struct in vmlinux BTF
    bool trusted = false;     // btf_pointer: it is not stale, and (without the next) not null
    bool nullable = false;    // btf_pointer: it may be null
};

struct ProgType {
    uint32_t type;                  // BPF_PROG_TYPE_*
    const char* name;               // "xdp"
    const char* ctx_struct;         // UAPI name of the context: "xdp_md"; what freplace and global functions compare; null: it has none
    const char* kernel_ctx_struct;  // what fentry on such a program sees: "xdp_buff"
    // May the program access `size` bytes at `offset` of its context?  nullopt: "invalid bpf_context access".  A sign-extending load of a
    // field that is no scalar is for the caller to refuse, in the same words.
    std::optional<CtxAccess> (*ctx_access)(uint32_t offset, uint32_t size, bool is_write, uint32_t expected_attach_type);
    // The instructions that do `insn` (a load or store of the context in its dst/src register) on graft's own layout (abi/kernel_types.h).
    // `insn` accesses the whole field, from its beginning; after/ adds shift and mask for narrower loads.  Null: the context is handed over
    // as the program sees it.
    std::vector<bpf_insn> (*convert_ctx_access)(const bpf_insn& insn);
    bool (*allows_helper)(uint32_t id, uint32_t expected_attach_type);
    bool packet_access;  // direct packet loads
    bool packet_write;   // and stores
    // Return value, or nothing when every scalar is allowed: [min, max] and the message's context.
    struct ReturnRange {
        int64_t min, max;
    };
    std::optional<ReturnRange> (*return_range)(uint32_t expected_attach_type);
    bool attachable;  // whether graft has a hook for it, or it is there for probes and TEST_RUN only
    const char* partly;
};

[[nodiscard]] const ProgType* find_prog_type(uint32_t type);
[[nodiscard]] std::span<const ProgType* const> prog_types();
// The name of any program type Linux knows ("XDP"...), for messages and docs; null past the last.
[[nodiscard]] const char* prog_type_name(uint32_t type);

}  // namespace graft
