#include "verify/state/reg.h"

namespace graft::verify {
namespace {

// A register with nothing but its place in the liveness chain.
void clear(Reg& reg) {
    Reg fresh;
    fresh.live = reg.live;
    fresh.parent = reg.parent;
    reg = fresh;
}

const char* plain_name(Kind kind) {
    switch (kind) {
        case Kind::not_init:
            return "?";
        case Kind::scalar:
            return "scalar";
        case Kind::ctx:
            return "ctx";
        case Kind::map_ptr:
            return "map_ptr";
        case Kind::map_value:
            return "map_value";
        case Kind::map_key:
            return "map_key";
        case Kind::stack:
            return "fp";
        case Kind::packet:
            return "pkt";
        case Kind::packet_meta:
            return "pkt_meta";
        case Kind::packet_end:
            return "pkt_end";
        case Kind::flow_keys:
            return "flow_keys";
        case Kind::sock:
            return "sock";
        case Kind::sock_common:
            return "sock_common";
        case Kind::tcp_sock:
            return "tcp_sock";
        case Kind::xdp_sock:
            return "xdp_sock";
        case Kind::tp_buffer:
            return "tp_buffer";
        case Kind::btf_object:
            return "ptr_";
        case Kind::mem:
            return "mem";
        case Kind::buf:
            return "buf";
        case Kind::func:
            return "func";
        case Kind::dynptr:
            return "dynptr_ptr";
    }
    return "?";
}

}  // namespace

void set_scalar(Reg& reg, const Scalar& value) {
    clear(reg);
    reg.kind = Kind::scalar;
    reg.value = value;
}

void set_unknown(Reg& reg) { set_scalar(reg, Scalar::unknown()); }

void set_constant(Reg& reg, uint64_t value) { set_scalar(reg, Scalar::constant(value)); }

void set_not_init(Reg& reg) { clear(reg); }

void set_pointer(Reg& reg, Kind kind, uint8_t flags) {
    clear(reg);
    reg.kind = kind;
    reg.flags = flags;
    reg.value = Scalar::constant(0);
}

void copy_value(Reg& to, const Reg& from) {
    const uint8_t live = to.live;
    Reg* const parent = to.parent;
    to = from;
    to.live = live;
    to.parent = parent;
}

std::string kind_text(const Reg& reg) {
    std::string text;
    if (reg.has(rdonly)) text += "rdonly_";
    if (reg.has(mem_ringbuf)) text += "ringbuf_";
    if (reg.has(untrusted)) text += "untrusted_";
    if (reg.has(trusted)) text += "trusted_";
    text += plain_name(reg.kind);
    if (reg.has(maybe_null)) text += reg.kind == Kind::btf_object ? "or_null_" : "_or_null";
    return text;
}

}  // namespace graft::verify
