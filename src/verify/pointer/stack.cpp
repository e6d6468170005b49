// The stack: 512 bytes a frame, in slots of eight that remember what was spilled to them.
//
// Byte `off` (negative) of a frame lies in slot (-off - 1) / 8, at place (-off - 1) % 8 of its types: place 7 is the lowest address.
#include <algorithm>
#include <bit>

#include "verify/call/dynptr.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

constexpr int64_t most_offset = 1 << 29;
constexpr uint32_t slot_size = 8;

enum class Source { direct, helper };

struct Place {
    uint32_t slot, byte;
};
Place place_of(int64_t off) {
    const auto distance = static_cast<uint32_t>(-off - 1);
    return {distance / slot_size, distance % slot_size};
}

SlotType& type_at(Frame& frame, int64_t off) {
    const Place place = place_of(off);
    return frame.stack[place.slot].type[place.byte];
}

Frame& frame_of(Walk& walk, const Reg& pointer) { return *walk.state.frames[pointer.frame]; }
bool is_spill(const StackSlot& slot) { return slot.type[7] == SlotType::spill; }
unsigned width(const Reg& reg) { return static_cast<unsigned>(std::bit_width(reg.value.u64.max)); }

uint32_t spill_size(const StackSlot& slot) {
    uint32_t size = 0;
    while (size < slot_size && slot.type[7 - size] == SlotType::spill) ++size;
    return size;
}

Result<void> require_within(Walk& walk, const MemoryAccess& access, int64_t off, Source source) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    Frame& frame = frame_of(walk, pointer);
    const char* what = source == Source::helper ? " indirect access to" : access.access == Access::read ? " read from" : " write to";
    const Scalar& var = pointer.value;
    int64_t min = off, max = off + int64_t{access.size};
    if (var.is_const()) {
        min += static_cast<int64_t>(var.const_value());
        max += static_cast<int64_t>(var.const_value());
    } else {
        if (var.s64.max >= most_offset || var.s64.min <= -most_offset) {
            return env.reject(EACCES, "invalid unbounded variable-offset{} stack R{}", what, access.number);
        }
        min += var.s64.min;
        max += var.s64.max;
    }
    const bool whole_stack = source == Source::helper || access.access == Access::write || env.request.privileged;
    const int64_t lowest = whole_stack ? -int64_t{abi::max_stack} : -int64_t{frame.allocated_stack()};
    int code = min < lowest || min > -1 ? EACCES : max > 0 ? EINVAL : 0;
    if (code == 0 && access.size > INT32_MAX) code = EFAULT;
    if (code != 0) {
        const auto size = static_cast<int32_t>(access.size);
        if (var.is_const()) return env.reject(code, "invalid{} stack R{} off={} size={}", what, access.number, min, size);
        return env.reject(code, "invalid variable-offset{} stack R{} var_off={} off={} size={}", what, access.number, var.var_off.text(),
                          off, size);
    }
    grow_stack(env, frame, static_cast<int32_t>(min));
    return {};
}

// --- reading -----------------------------------------------------------------------------------------------------------------------------

// The register gets what lies in [min, max): zero when all of it is known to be zero.
void load_plain(Walk& walk, Frame& frame, int64_t min, int64_t max, uint32_t number) {
    bool zero = true;
    for (int64_t off = min; off < max; ++off) zero = zero && type_at(frame, off) == SlotType::zero;
    Reg& target = walk.reg(number);
    if (zero) {
        set_constant(target, 0);
    } else {
        set_unknown(target);
    }
    target.live |= live_written;
}

// Part of a spilled scalar, or of it and its neighbourhood.  True: the register still is what was spilled.
Result<bool> load_part_of_spill(Walk& walk, StackSlot& slot, int64_t off, uint32_t size, uint32_t number) {
    Reg& target = walk.reg(number);
    if (size <= spill_size(slot) && off % int64_t{slot_size} == 0) {
        copy_value(target, slot.spilled);
        if (width(slot.spilled) > size * 8) target.id = 0;
        target.live |= live_written;
        return true;
    }
    uint32_t spilled = 0, zero = 0;
    for (uint32_t i = 0; i < size; ++i) {
        const SlotType type = slot.type[place_of(off + i).byte];
        if (type == SlotType::invalid && !walk.env.request.privileged) {
            return walk.env.reject(EACCES, "invalid read from stack off {}+{} size {}", off, i, size);
        }
        spilled += type == SlotType::spill ? 1 : 0;
        zero += type == SlotType::zero ? 1 : 0;
    }
    const bool all_of_zero_spill = spilled == size && slot.spilled.is_null();
    if (all_of_zero_spill || zero == size) {
        set_constant(target, 0);
    } else {
        set_unknown(target);
    }
    target.live |= live_written;
    return all_of_zero_spill;
}

Result<void> read_fixed(Walk& walk, Frame& frame, int64_t off, const MemoryAccess& access) {
    Env& env = walk.env;
    const Place place = place_of(off);
    StackSlot& slot = frame.stack[place.slot];
    walk.touch_slot(place.slot);
    if (!is_spill(slot)) {
        for (uint32_t i = 0; i < access.size; ++i) {
            const SlotType type = slot.type[place_of(off + i).byte];
            if (type == SlotType::dynptr || (type == SlotType::invalid && !env.request.privileged)) {
                return env.reject(EACCES, "invalid read from stack off {}+{} size {}", off, i, access.size);
            }
        }
        mark_read(walk, slot.spilled);
        if (access.value >= 0) load_plain(walk, frame, off, off + int64_t{access.size}, static_cast<uint32_t>(access.value));
        return {};
    }
    bool fill = true;
    if (access.size != slot_size || spill_size(slot) != slot_size) {
        if (!slot.spilled.is(Kind::scalar)) {
            print_line_info(walk, walk.insn);
            return env.reject(EACCES, "invalid size of register fill");
        }
        mark_read(walk, slot.spilled);
        if (access.value < 0) return {};
        fill = TRY(load_part_of_spill(walk, slot, off, access.size, static_cast<uint32_t>(access.value)));
    } else if (access.value >= 0) {
        Reg& target = walk.reg(static_cast<uint32_t>(access.value));
        copy_value(target, slot.spilled);
        target.live |= live_written;
    } else if (leaks_pointer(walk, slot.spilled)) {
        return env.reject(EACCES, "leaking pointer from stack off {}", off);
    }
    mark_read(walk, slot.spilled);
    if (fill) push_history(walk, true, frame.number, place.slot, 0);
    return {};
}

Result<void> read_variable(Walk& walk, Frame& frame, int64_t off, const MemoryAccess& access) {
    const Reg pointer = walk.reg(access.number);
    TRY(check_stack_range(walk, {.number = access.number,
                                 .off = static_cast<int32_t>(off),
                                 .size = access.size,
                                 .zero_size_allowed = false,
                                 .fills = false,
                                 .by_helper = false}));
    load_plain(walk, frame, pointer.value.s64.min + off, pointer.value.s64.max + off + int64_t{access.size},
               static_cast<uint32_t>(access.value));
    return {};
}

// --- writing -----------------------------------------------------------------------------------------------------------------------------

void spill(StackSlot& slot, const Reg& reg, uint32_t size, bool privileged) {
    copy_value(slot.spilled, reg);
    if (size == slot_size) slot.spilled.live |= live_written;
    for (uint32_t i = 0; i < slot_size; ++i) {
        SlotType& type = slot.type[7 - i];
        if (i < size) {
            type = SlotType::spill;
        } else if (type != SlotType::zero && !(privileged && type == SlotType::invalid)) {
            type = SlotType::misc;
        }
    }
}

Result<void> write_plain(Walk& walk, StackSlot& slot, int64_t off, const MemoryAccess& access, bool zero) {
    if (is_spill(slot)) scratch_slot(slot);
    set_not_init(slot.spilled);
    if (access.size == slot_size) slot.spilled.live |= live_written;
    if (zero && access.value >= 0) TRY(mark_precise(walk, static_cast<uint32_t>(access.value)));
    for (uint32_t i = 0; i < access.size; ++i) slot.type[place_of(off + i).byte] = zero ? SlotType::zero : SlotType::misc;
    return {};
}

Result<void> write_fixed(Walk& walk, Frame& frame, int64_t off, const MemoryAccess& access) {
    Env& env = walk.env;
    const Place place = place_of(off);
    StackSlot& slot = frame.stack[place.slot];
    const bool privileged = env.request.privileged;
    if (!privileged && is_spill(slot) && !slot.spilled.is(Kind::scalar) && access.size != slot_size) {
        return env.reject(EACCES, "attempt to corrupt spilled pointer on stack");
    }
    forget_dynptr(walk, frame, place.slot);
    walk.touch_slot(place.slot);
    Reg* const value = access.value >= 0 ? &walk.reg(static_cast<uint32_t>(access.value)) : nullptr;
    const bpf_insn& insn = env.insns[walk.insn];
    const bool stores_immediate = value == nullptr && insn.code == (BPF_ST | BPF_MEM | BPF_SIZE(insn.code));
    const bool at_slot = off % int64_t{slot_size} == 0;

    if (value != nullptr && at_slot && value->is(Kind::scalar)) {
        const bool fits = width(*value) <= access.size * 8;
        if (fits) {
            if ((value->id & id_add_const) != 0) {
                value->id = 0;
                value->off = 0;
            }
            if (value->id == 0 && !value->value.is_const()) {
                value->id = walk.next_id();
                value->off = 0;  // what is left of a former link
            }
        }
        spill(slot, *value, access.size, privileged);
        if (!fits) slot.spilled.id = 0;
    } else if (stores_immediate && at_slot) {
        Reg constant;
        set_constant(constant, static_cast<uint64_t>(int64_t{insn.imm}));
        spill(slot, constant, access.size, privileged);
    } else if (value != nullptr && value->is_pointer()) {
        if (access.size != slot_size) {
            print_line_info(walk, walk.insn);
            return env.reject(EACCES, "invalid size of register spill");
        }
        if (&frame != &walk.state.frame() && value->is(Kind::stack)) {
            return env.reject(EINVAL, "cannot spill pointers to stack into stack frame of the caller");
        }
        spill(slot, *value, access.size, privileged);
    } else {
        return write_plain(walk, slot, off, access, (value != nullptr && value->is_null()) || (stores_immediate && insn.imm == 0));
    }
    push_history(walk, true, frame.number, place.slot, 0);
    return {};
}

// Any of several slots may be hit: what is in them becomes as unknown as the write makes it.
Result<void> write_variable(Walk& walk, Frame& frame, int64_t off, const MemoryAccess& access) {
    Env& env = walk.env;
    const Reg& pointer = walk.reg(access.number);
    const bpf_insn& insn = env.insns[walk.insn];
    const bool zero =
        access.value >= 0 ? walk.reg(static_cast<uint32_t>(access.value)).is_null() : BPF_CLASS(insn.code) == BPF_ST && insn.imm == 0;
    const int64_t min = pointer.value.s64.min + off, max = pointer.value.s64.max + off + int64_t{access.size};
    bool zero_kept = false;
    for (int64_t at = min; at < max; ++at) {
        const Place place = place_of(at);
        StackSlot& slot = frame.stack[place.slot];
        SlotType& type = slot.type[place.byte];
        forget_dynptr(walk, frame, place.slot);
        walk.touch_slot(place.slot);
        if (!env.request.privileged && type != SlotType::misc && type != SlotType::zero) {
            return env.reject(EINVAL, "spilled ptr in range of var-offset stack write; insn {}, ptr off: {}", walk.insn, at);
        }
        if (zero && type == SlotType::spill && slot.spilled.is_null()) {
            zero_kept = true;
            continue;
        }
        if (is_spill(slot)) scratch_slot(slot);
        set_not_init(slot.spilled);
        zero_kept = zero_kept || (zero && type == SlotType::zero);
        type = zero && type == SlotType::zero ? SlotType::zero : SlotType::misc;
    }
    if (zero_kept && access.value >= 0) TRY(mark_precise(walk, static_cast<uint32_t>(access.value)));
    return {};
}

}  // namespace

void grow_stack(Env& env, Frame& frame, int32_t off) {
    uint32_t& depth = env.functions[frame.function].stack_depth;
    depth = std::max(depth, static_cast<uint32_t>(-off));
    const auto slots = static_cast<size_t>(-off + 7) / slot_size;
    if (frame.stack.size() < slots) frame.stack.resize(slots);
}

void scratch_slot(StackSlot& slot) {
    for (SlotType& type : slot.type) {
        if (type != SlotType::invalid) type = SlotType::misc;
    }
}

Result<void> access_stack(Walk& walk, const MemoryAccess& access) {
    const Reg pointer = walk.reg(access.number);
    Frame& frame = frame_of(walk, pointer);
    int64_t off = int64_t{access.off} + pointer.off;
    TRY(require_within(walk, access, off, Source::direct));
    const bool fixed = pointer.value.is_const();
    if (fixed) off += static_cast<int64_t>(pointer.value.const_value());
    if (access.access == Access::write) return fixed ? write_fixed(walk, frame, off, access) : write_variable(walk, frame, off, access);
    if (!fixed && access.value < 0) {
        return walk.env.reject(EACCES, "variable offset stack pointer cannot be passed into helper function; var_off={} off={} size={}",
                               pointer.value.var_off.text(), off, access.size);
    }
    return fixed ? read_fixed(walk, frame, off, access) : read_variable(walk, frame, off, access);
}

Result<void> check_stack_range(Walk& walk, const StackRange& range) {
    Env& env = walk.env;
    const Reg pointer = walk.reg(range.number);
    Frame& frame = frame_of(walk, pointer);
    const bool privileged = env.request.privileged;
    const char* how = range.by_helper ? " indirect" : "";
    if (range.size == 0 && !range.zero_size_allowed) return env.reject(EACCES, "invalid zero-sized read");
    const MemoryAccess access{.number = range.number, .off = range.off, .size = range.size};
    TRY(require_within(walk, access, range.off, range.by_helper ? Source::helper : Source::direct));

    const Scalar& var = pointer.value;
    int64_t min = range.off, max = range.off;
    if (var.is_const()) {
        min = max = range.off + static_cast<int64_t>(var.const_value());
        if (range.fills) {
            for (int64_t at = min; at < max + int64_t{range.size}; ++at) {
                if (type_at(frame, at) == SlotType::dynptr) return env.reject(EACCES, "potential write to dynptr at off={} disallowed", at);
            }
            // The helper writes all of it.
            for (uint32_t i = 0; i < range.size; ++i) {
                const MemoryAccess byte{
                    .number = range.number, .off = range.off - pointer.off + static_cast<int32_t>(i), .size = 1, .access = Access::write};
                TRY(access_stack(walk, byte));
            }
            return {};
        }
    } else {
        if (!privileged) {
            return env.reject(EACCES, "R{}{} variable offset stack access prohibited for !root, var_off={}", range.number, how,
                              var.var_off.text());
        }
        min += var.s64.min;
        max += var.s64.max;
    }
    for (int64_t at = min; at < max + int64_t{range.size}; ++at) {
        const Place place = place_of(at);
        StackSlot& slot = frame.stack[place.slot];
        SlotType& type = slot.type[place.byte];
        if (type == SlotType::zero || (type == SlotType::invalid && privileged)) {
            if (range.by_helper) type = SlotType::misc;
        } else if (is_spill(slot) && type != SlotType::misc && (slot.spilled.is(Kind::scalar) || privileged)) {
            if (range.by_helper) {
                set_unknown(slot.spilled);
                scratch_slot(slot);
            }
        } else if (type != SlotType::misc) {
            if (var.is_const()) {
                return env.reject(EACCES, "invalid{} read from stack R{} off {}+{} size {}", how, range.number, min, at - min, range.size);
            }
            return env.reject(EACCES, "invalid{} read from stack R{} var_off {}+{} size {}", how, range.number, var.var_off.text(),
                              at - min, range.size);
        }
        mark_read(walk, slot.spilled);
    }
    return {};
}

}  // namespace graft::verify
