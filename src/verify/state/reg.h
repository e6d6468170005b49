// Reg: what the verifier knows of one register, or of eight bytes of stack that hold a spilled one.
#pragma once

#include <cstdint>
#include <string>

#include "verify/scalar/scalar.h"

namespace graft {
class Btf;
class Map;
}  // namespace graft

namespace graft::verify {

inline constexpr int reg_count = 11;  // R0 .. R10
inline constexpr int r_fp = 10;

enum class Kind : uint8_t {
    not_init,
    scalar,
    ctx,
    map_ptr,    // a map itself
    map_value,  // inside a value of a map
    map_key,
    stack,
    packet,
    packet_meta,
    packet_end,
    flow_keys,
    sock,
    sock_common,
    tcp_sock,
    xdp_sock,
    tp_buffer,  // of a tracepoint
    btf_object,
    mem,  // mem_size bytes
    buf,
    func,    // a function of the program
    dynptr,  // in two slots of the stack, never in a register
};

enum KindFlag : uint8_t {
    maybe_null = 1,
    rdonly = 2,
    mem_ringbuf = 4,
    trusted = 8,
    untrusted = 16,
    first_slot = 32,  // of a dynptr: the lower address
    of_packet = 64,   // memory that goes when the packet moves
};

// What a dynptr leads to.
enum class DynptrType : uint32_t { none, local, skb, xdp };

enum Liveness : uint8_t { live_none = 0, live_read = 1, live_written = 2, live_done = 4 };

struct Reg {
    Kind kind = Kind::not_init;
    uint8_t flags = 0;  // KindFlag
    uint8_t live = live_none;
    bool precise = false;  // scalar: the exact value matters for a decision made later (prune/)
    int32_t off = 0;       // pointer: fixed offset in bytes; scalar linked by a constant (add_const): that constant
    Scalar value;          // scalar: the number; pointer: its variable offset
    union {
        const Map* map = nullptr;  // map_ptr, map_value, map_key
        const Btf* btf;            // btf_object
    };
    union {
        uint32_t btf_id = 0;  // btf_object
        uint32_t mem_size;    // mem, buf
        int32_t range;        // packet, packet_meta: bytes behind off that are proved to be there; < 0: beyond or at the end
        uint32_t frame;       // stack: the frame it points into
        uint32_t function;    // func
        uint32_t map_uid;     // map_ptr, map_value: of a map with timers out of a map in maps, which lookup it came from; else 0
        DynptrType dynptr;    // dynptr
    };
    uint32_t id = 0;         // registers with the same id came from one value
    uint32_t ref_id = 0;     // the acquired reference it carries
    uint32_t dynptr_id = 0;  // a dynptr, and memory that it gave out
    Reg* parent = nullptr;   // the same place in the state this one continues: liveness travels along it

    [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
    [[nodiscard]] bool has(uint8_t flag) const { return (flags & flag) != 0; }
    [[nodiscard]] bool is_pointer() const { return kind != Kind::scalar && kind != Kind::not_init; }
    [[nodiscard]] bool is_packet() const { return kind == Kind::packet || kind == Kind::packet_meta; }
    [[nodiscard]] bool is_const_scalar() const { return kind == Kind::scalar && value.is_const(); }
    [[nodiscard]] bool is_null() const { return is_const_scalar() && value.const_value() == 0; }
};

// --- changes: each leaves `live` and `parent` alone ------------------------------------------------------------------------
void set_unknown(Reg& reg);  // a scalar of which nothing is known
void set_constant(Reg& reg, uint64_t value);
void set_scalar(Reg& reg, const Scalar& value);
void set_not_init(Reg& reg);
// A pointer at offset 0 of something.  The caller sets what it points to.
void set_pointer(Reg& reg, Kind kind, uint8_t flags = 0);
// Everything but liveness and its chain.
void copy_value(Reg& to, const Reg& from);

// "map_value_or_null", "ctx", "fp", "scalar" ...: the words of the log.
[[nodiscard]] std::string kind_text(const Reg& reg);

}  // namespace graft::verify
