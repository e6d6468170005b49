// Adding to and subtracting from pointers.
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

constexpr int64_t most_offset = 1 << 29;
constexpr const char* op_text[16] = {"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "", ""};

// Pointers of these kinds may be moved.
Result<void> require_movable(Walk& walk, const bpf_insn& insn, const Reg& pointer, const Reg& scalar) {
    Env& env = walk.env;
    const uint32_t number = insn.dst_reg;
    if (pointer.has(maybe_null)) {
        return env.reject(EACCES, "R{} pointer arithmetic on {} prohibited, null-check it first", number, kind_text(pointer));
    }
    const bool adds_zero = scalar.value.is_const() && scalar.value.s64.min == 0 && BPF_OP(insn.code) == BPF_ADD;
    switch (pointer.kind) {
        case Kind::ctx:
        case Kind::map_value:
        case Kind::map_key:
        case Kind::stack:
        case Kind::packet:
        case Kind::packet_meta:
        case Kind::tp_buffer:
        case Kind::btf_object:
        case Kind::mem:
        case Kind::buf:
        case Kind::func:
            return {};
        case Kind::flow_keys:
            if (scalar.value.is_const()) return {};
            break;
        case Kind::map_ptr:
            if (adds_zero) return {};
            break;
        default:
            break;
    }
    return env.reject(EACCES, "R{} pointer arithmetic on {} prohibited", number, kind_text(pointer));
}

Result<void> require_sane_offset(Walk& walk, const Reg& reg, const Reg& pointer) {
    Env& env = walk.env;
    const std::string name = kind_text(pointer);
    const auto value = static_cast<int64_t>(reg.value.var_off.value);
    const int64_t smin = reg.value.s64.min;
    if (reg.value.is_const() && (value >= most_offset || value <= -most_offset)) {
        return env.reject(EINVAL, "math between {} pointer and {} is not allowed", name, value);
    }
    if (reg.off >= most_offset || reg.off <= -most_offset) return env.reject(EINVAL, "{} pointer offset {} is not allowed", name, reg.off);
    if (smin == INT64_MIN) {
        return env.reject(EINVAL, "math between {} pointer and register with unbounded min value is not allowed", name);
    }
    if (smin >= most_offset || smin <= -most_offset) return env.reject(EINVAL, "value {} makes {} pointer be out of bounds", smin, name);
    return {};
}

bool fits_offset(int64_t offset) { return offset == static_cast<int32_t>(offset); }

void add(Walk& walk, Reg& target, const Reg& pointer, const Reg& scalar) {
    const int64_t by = scalar.value.s64.min;
    if (scalar.value.is_const() && fits_offset(pointer.off + by)) {
        target.off = static_cast<int32_t>(pointer.off + by);
        target.value = pointer.value;
        return;
    }
    target.value = add_to_pointer(pointer.value, scalar.value);
    if (pointer.is_packet()) {
        target.id = walk.next_id();
        target.range = 0;
    }
}

void subtract(Walk& walk, Reg& target, const Reg& pointer, const Reg& scalar) {
    const int64_t by = scalar.value.s64.min;
    if (scalar.value.is_const() && fits_offset(pointer.off - by)) {
        target.off = static_cast<int32_t>(pointer.off - by);
        target.value = pointer.value;
        return;
    }
    target.value = sub_from_pointer(pointer.value, scalar.value);
    if (pointer.is_packet()) {
        target.id = walk.next_id();
        // Going back over what was proved keeps it.
        if (by < 0) target.range = 0;
    }
}

}  // namespace

Result<void> pointer_arithmetic(Walk& walk, const bpf_insn& insn, const Reg& pointer, const Reg& scalar) {
    Env& env = walk.env;
    const uint32_t number = insn.dst_reg;
    const uint8_t op = BPF_OP(insn.code);
    Reg& target = walk.reg(number);
    const bool scalar_is_target = target.is(Kind::scalar);

    const Scalar& by = scalar.value;
    if ((by.is_const() && (by.s64.min != by.s64.max || by.u64.min != by.u64.max)) || by.s64.min > by.s64.max || by.u64.min > by.u64.max) {
        set_unknown(target);  // bounds from a branch that is dead
        return {};
    }
    if (BPF_CLASS(insn.code) != BPF_ALU64) {
        if (op == BPF_SUB && env.request.privileged) {
            set_unknown(target);
            return {};
        }
        return env.reject(EACCES, "R{} 32-bit pointer arithmetic prohibited", number);
    }
    TRY(require_movable(walk, insn, pointer, scalar));
    TRY(require_sane_offset(walk, scalar, pointer));
    TRY(require_sane_offset(walk, pointer, pointer));

    copy_value(target, pointer);
    switch (op) {
        case BPF_ADD:
            add(walk, target, pointer, scalar);
            break;
        case BPF_SUB:
            if (scalar_is_target) return env.reject(EACCES, "R{} tried to subtract pointer from scalar", number);
            if (pointer.is(Kind::stack)) return env.reject(EACCES, "R{} subtraction from stack pointer prohibited", number);
            subtract(walk, target, pointer, scalar);
            break;
        case BPF_AND:
        case BPF_OR:
        case BPF_XOR:
            return env.reject(EACCES, "R{} bitwise operator {} on pointer prohibited", number, op_text[op >> 4]);
        default:
            return env.reject(EACCES, "R{} pointer arithmetic with {} operator prohibited", number, op_text[op >> 4]);
    }
    TRY(require_sane_offset(walk, target, pointer));
    target.value.sync_bounds();
    return {};
}

}  // namespace graft::verify
