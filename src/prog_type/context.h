// Context fields: what may be read and written of them, and the instructions that do it on graft's own layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "prog_type/prog_type.h"

namespace graft::context {

// Does [offset, offset + size) begin inside the field?
struct Field {
    size_t offset, size;
    [[nodiscard]] bool has(uint32_t at) const { return at >= offset && at < offset + size; }
};
#define GRAFT_FIELD(type, member) \
    ::graft::context::Field { offsetof(type, member), sizeof(type::member) }
// Like GRAFT_FIELD, from one member to another.
#define GRAFT_FIELDS(type, first, last) \
    ::graft::context::Field { offsetof(type, first), offsetof(type, last) + sizeof(type::last) - offsetof(type, first) }

// A number of `field_size` bytes that may also be read in parts.
[[nodiscard]] inline std::optional<CtxAccess> narrow_read(uint32_t size, uint32_t field_size) {
    if (size > field_size) return std::nullopt;
    return CtxAccess{.field_size = field_size};
}

// --- instructions ------------------------------------------------------------------------------------------------------------------------
[[nodiscard]] constexpr uint8_t size_bits(size_t bytes) { return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW; }
[[nodiscard]] inline bpf_insn load(size_t bytes, unsigned dst, unsigned src, size_t offset) {
    return {static_cast<uint8_t>(BPF_LDX | BPF_MEM | size_bits(bytes)), static_cast<uint8_t>(dst & 0xf), static_cast<uint8_t>(src & 0xf),
            static_cast<int16_t>(offset), 0};
}
// The store that `insn` is (of a register or of an immediate), elsewhere and with another size.
[[nodiscard]] inline bpf_insn store_like(const bpf_insn& insn, size_t bytes, size_t offset) {
    bpf_insn store = insn;
    store.code = static_cast<uint8_t>(BPF_CLASS(insn.code) | BPF_MEM | size_bits(bytes));
    store.off = static_cast<int16_t>(offset);
    return store;
}
[[nodiscard]] inline bool is_store(const bpf_insn& insn) { return BPF_CLASS(insn.code) == BPF_ST || BPF_CLASS(insn.code) == BPF_STX; }

// A load or store of a member in place of a context field.
#define GRAFT_MEMBER(insn, type, member)                                                    \
    (::graft::context::is_store(insn)                                                       \
         ? ::graft::context::store_like(insn, sizeof(type::member), offsetof(type, member)) \
         : ::graft::context::load(sizeof(type::member), (insn).dst_reg, (insn).src_reg, offsetof(type, member)))

}  // namespace graft::context
