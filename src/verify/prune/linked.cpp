// Scalars with one id hold the same value, or values a constant apart: what a branch proves of one holds for all.
#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

// A member in the history: 3 bits of frame, 1 register or slot, 6 of number; with a count in the lowest bits.
constexpr unsigned member_bits = 10, count_bits = 4, most_members = (64 - count_bits) / member_bits;

}  // namespace

uint64_t LinkedSet::pack() const {
    uint64_t packed = 0;
    for (const Member& member : members) {
        packed = packed << member_bits | uint64_t{member.frame} << 7 | (member.is_reg ? uint64_t{1} << 6 : 0) | member.number;
    }
    return packed << count_bits | members.size();
}

LinkedSet LinkedSet::unpack(uint64_t packed) {
    LinkedSet set;
    const uint64_t count = packed & ((1U << count_bits) - 1);
    packed >>= count_bits;
    for (uint64_t i = 0; i < count; ++i, packed >>= member_bits) {
        set.members.push_back({.frame = static_cast<uint8_t>(packed >> 7 & 7),
                               .is_reg = (packed >> 6 & 1) != 0,
                               .number = static_cast<uint8_t>(packed & 63)});
    }
    return set;
}

void collect_linked(const State& state, uint32_t id, LinkedSet& set) {
    id &= ~id_add_const;
    const auto consider = [&](const Reg& reg, uint8_t frame, bool is_reg, size_t number) {
        if (!reg.is(Kind::scalar) || (reg.id & ~id_add_const) != id || set.members.size() >= most_members) return;
        set.members.push_back({.frame = frame, .is_reg = is_reg, .number = static_cast<uint8_t>(number)});
    };
    for (size_t f = state.frames.size(); f-- > 0;) {
        const Frame& frame = *state.frames[f];
        for (size_t r = 0; r < r_fp; ++r) consider(frame.regs[r], static_cast<uint8_t>(f), true, r);
        for (size_t i = 0; i < frame.stack.size(); ++i) {
            if (frame.stack[i].type[7] == SlotType::spill) consider(frame.stack[i].spilled, static_cast<uint8_t>(f), false, i);
        }
    }
}

void sync_linked(State& state, const Reg& known_reg, const LinkedSet& set) {
    const Reg known = known_reg;
    for (const LinkedSet::Member& member : set.members) {
        Frame& frame = *state.frames[member.frame];
        Reg& reg = member.is_reg ? frame.regs[member.number] : frame.stack[member.number].spilled;
        if (&reg == &known_reg || !reg.is(Kind::scalar) || (reg.id & ~id_add_const) != (known.id & ~id_add_const)) continue;
        const bool both_plain = ((reg.id | known.id) & id_add_const) == 0;
        if (both_plain || reg.off == known.off) {
            copy_value(reg, known);
            continue;
        }
        const int32_t off = reg.off;
        const uint32_t id = reg.id;
        const auto delta = Scalar::constant(static_cast<uint64_t>(int64_t{off} - int64_t{known.off}));
        copy_value(reg, known);
        reg.off = off;
        reg.id = id;
        reg.value = add_unsynced(known.value, delta);
    }
}

}  // namespace graft::verify
