#include "verify/call/dynptr.h"

#include <optional>

#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

constexpr int32_t slot_size = 8;

// Where on the stack R`number` points to: the slot of the lower address.
struct Place {
    Frame* frame = nullptr;
    std::optional<uint32_t> slot;  // nothing: the stack has never been that deep
};

Result<Place> place_of(Walk& walk, uint32_t number) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    if (!reg.is(Kind::stack)) return env.reject(EINVAL, "arg#{} expected pointer to stack or const struct bpf_dynptr", number - 1);
    if (!reg.value.is_const()) return env.reject(EINVAL, "dynptr has to be at a constant offset");
    const int64_t off = reg.off + static_cast<int64_t>(reg.value.const_value());
    const int64_t slot = (-off - 1) / slot_size;
    if (off % slot_size != 0 || off >= 0 || slot < 1) return env.reject(EINVAL, "cannot pass in dynptr at an offset={}", off);
    Place place{.frame = walk.state.frames[reg.frame].get(), .slot = std::nullopt};
    if (static_cast<size_t>(slot) < place.frame->stack.size()) place.slot = static_cast<uint32_t>(slot);
    return place;
}

bool is_dynptr(const StackSlot& slot) {
    for (const SlotType type : slot.type) {
        if (type != SlotType::dynptr) return false;
    }
    return true;
}

}  // namespace

void forget_dynptr(Walk& walk, Frame& frame, uint32_t slot) {
    if (slot >= frame.stack.size() || frame.stack[slot].type[0] != SlotType::dynptr) return;
    const bool first = frame.stack[slot].spilled.has(first_slot);
    const uint32_t id = frame.stack[slot].spilled.dynptr_id;
    for (const uint32_t number : {slot, first ? slot - 1 : slot + 1}) {
        StackSlot& part = frame.stack[number];
        part.type.fill(SlotType::invalid);
        set_not_init(part.spilled);
        part.spilled.live |= live_written;
        walk.touch_slot(number);
    }
    for_each_reg(walk.state, [&](Reg& reg) {
        if (reg.is(Kind::mem) && reg.dynptr_id == id) set_unknown(reg);
    });
}

Result<void> make_dynptr(Walk& walk, uint32_t number, DynptrType type) {
    TRY(place_of(walk, number));
    // Two writes, as any: they say whether the stack is that deep, and that it is from now on.
    for (int32_t i = 0; i < 2 * slot_size; i += slot_size) {
        TRY(access_memory(walk, {.number = number, .off = i, .size = slot_size, .access = Access::write}));
    }
    const Place place = TRY(place_of(walk, number));
    const uint32_t slot = *place.slot, id = walk.next_id();
    for (const uint32_t each : {slot, slot - 1}) {
        StackSlot& part = place.frame->stack[each];
        part.type.fill(SlotType::dynptr);
        set_pointer(part.spilled, Kind::dynptr, each == slot ? uint8_t{first_slot} : uint8_t{0});
        part.spilled.dynptr = type;
        part.spilled.dynptr_id = id;
        part.spilled.live |= live_written;
        walk.touch_slot(each);
    }
    return {};
}

Result<Reg> require_dynptr(Walk& walk, uint32_t number) {
    const auto place = place_of(walk, number);
    if (!place.ok() && !walk.reg(number).is(Kind::stack)) return place.error();
    Frame* const frame = place.ok() ? place->frame : nullptr;
    const bool there =
        frame != nullptr && place->slot && is_dynptr(frame->stack[*place->slot]) && frame->stack[*place->slot].spilled.has(first_slot);
    if (!there) return walk.env.reject(EINVAL, "Expected an initialized dynptr as arg #{}", number - 1);
    mark_read(walk, frame->stack[*place->slot].spilled);
    mark_read(walk, frame->stack[*place->slot - 1].spilled);
    return frame->stack[*place->slot].spilled;
}

}  // namespace graft::verify
