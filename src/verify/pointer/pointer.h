// Memory access through each kind of pointer, and arithmetic on pointers.  A file a kind.
#pragma once

#include "verify/walk/walk.h"

namespace graft::verify {

enum class Access { read, write };

struct MemoryAccess {
    uint32_t number = 0;  // register that holds the pointer
    int32_t off = 0;      // of the instruction
    uint32_t size = 0;    // bytes
    Access access = Access::read;
    int32_t value = -1;  // register loaded or stored; -1: none (an immediate, an atomic)
    bool sign_extend = false;
    bool strict_alignment = false;
};
// One load or store; a load sets the value register.
Result<void> access_memory(Walk& walk, const MemoryAccess& access);

// Is the access aligned, where that is asked for?  EACCES.
Result<void> require_aligned(Walk& walk, const MemoryAccess& access);

// --- by kind -----------------------------------------------------------------------------------------------------------------------------
Result<void> access_stack(Walk& walk, const MemoryAccess& access);
Result<void> access_ctx(Walk& walk, const MemoryAccess& access);
Result<void> access_packet(Walk& walk, const MemoryAccess& access);
Result<void> access_map_value(Walk& walk, const MemoryAccess& access);
Result<void> access_mem(Walk& walk, const MemoryAccess& access);
Result<void> access_sock(Walk& walk, const MemoryAccess& access);  // sock_common, tcp_sock and xdp_sock, too
Result<void> access_flow_keys(Walk& walk, const MemoryAccess& access);
Result<void> access_btf_object(Walk& walk, const MemoryAccess& access);

// Is the pointer one to that struct, be it as the first part of another or where its offset leads?  The log may have a line when not.
[[nodiscard]] bool leads_to_struct(Env& env, const Reg& pointer, std::string_view name);

// A slot of the context of a fentry or fexit program.  nullopt: it may not be read so; where Linux says why, the log has the line.
[[nodiscard]] std::optional<CtxAccess> traced_value(Env& env, uint32_t offset, uint32_t size, bool is_write);

// A pointer of a netfilter program's context.
[[nodiscard]] std::optional<CtxAccess> netfilter_value(const Env& env, uint32_t offset, uint32_t size, bool is_write);

// [off, off + size) of a region of `limit` bytes, reg's variable offset included.  EACCES.
Result<void> check_region(Walk& walk, uint32_t number, int32_t off, uint32_t size, uint32_t limit, bool zero_size_allowed);
// The same for the proved range of a packet pointer.
Result<void> check_packet_range(Walk& walk, uint32_t number, int32_t off, uint32_t size, bool zero_size_allowed);
Result<void> check_map_value_range(Walk& walk, uint32_t number, int32_t off, uint32_t size, bool zero_size_allowed, Access access);
// R`number`, a pointer into a map's value, is at the value's special field of that kind, of type struct `name`.  EINVAL.
Result<void> require_field_at(Walk& walk, uint32_t number, FieldKind kind, const char* name);
// No variable offset, no fixed one (unless allowed), not negative.  EACCES, EINVAL.
Result<void> check_fixed_offset(Walk& walk, const Reg& reg, uint32_t number, bool fixed_ok);

// --- stack, used by helpers and by calls -------------------------------------------------------------------------------------------------
// Reads or fills [off, off + size) through a stack pointer on behalf of a helper.  `fills`: uninitialised bytes become initialised.
struct StackRange {
    uint32_t number = 0;
    int32_t off = 0;  // the register's own fixed offset included
    uint32_t size = 0;
    bool zero_size_allowed = false;
    bool fills = false;
    bool by_helper = true;
};
Result<void> check_stack_range(Walk& walk, const StackRange& range);
// The frame may grow to hold `off` (negative).
void grow_stack(Env& env, Frame& frame, int32_t off);
void scratch_slot(StackSlot& slot);  // a spilled register there is one no longer

// --- arithmetic --------------------------------------------------------------------------------------------------------------------------
// dst OP= src where at least one is a pointer.  `scalar` may be the immediate.
Result<void> pointer_arithmetic(Walk& walk, const bpf_insn& insn, const Reg& pointer, const Reg& scalar);

// --- the context -------------------------------------------------------------------------------------------------------------------------
// Is this what a function with the context of such programs says that it points to: the UAPI's struct, or the kernel's own sk_buff,
// xdp_buff or pt_regs?
[[nodiscard]] bool is_context_of(const ProgType& type, const BtfType& pointee);

// --- packet ranges -----------------------------------------------------------------------------------------------------------------------
// `pointer` (a packet pointer of the comparison) plus nothing lies before the end: every pointer of the same id learns its range.
void learn_packet_range(State& state, const Reg& pointer, Kind kind, bool open_range);
// After something moved the packet: pointers into it are gone.
void forget_packet_pointers(Walk& walk);

// --- null checks -------------------------------------------------------------------------------------------------------------------------
void resolve_null(Walk& walk, State& state, uint32_t number, bool is_null);

}  // namespace graft::verify
