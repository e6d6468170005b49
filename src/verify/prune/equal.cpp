// Does an old, proved state cover the current one?
#include <vector>

#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

// Ids need not be the same numbers, but must pair up one to one.
class IdMap {
public:
    explicit IdMap(uint32_t last_id) : fresh_(last_id) {}

    [[nodiscard]] bool match(uint32_t old_id, uint32_t current_id) {
        if ((old_id == 0) != (current_id == 0)) return false;
        if (old_id == 0) return true;
        for (const auto& [o, c] : pairs_) {
            if (o == old_id) return c == current_id;
            if (c == current_id) return false;
        }
        pairs_.emplace_back(old_id, current_id);
        return true;
    }
    // A scalar without an id is linked to nothing, which is not to be mistaken for being linked to another one.
    [[nodiscard]] bool match_scalar(uint32_t old_id, uint32_t current_id) {
        if (old_id == 0) old_id = ++fresh_;
        if (current_id == 0) current_id = ++fresh_;
        return match(old_id, current_id);
    }

private:
    uint32_t fresh_;
    std::vector<std::pair<uint32_t, uint32_t>> pairs_;
};

bool same_target(const Reg& a, const Reg& b) { return a.map == b.map && a.btf_id == b.btf_id; }

bool same_exactly(const Reg& old, const Reg& current, IdMap& ids) {
    return old.kind == current.kind && old.flags == current.flags && old.off == current.off && same_target(old, current) &&
           old.value == current.value && ids.match(old.id, current.id) && ids.match(old.ref_id, current.ref_id) &&
           ids.match(old.dynptr_id, current.dynptr_id);
}

bool reg_safe(const Reg& old, const Reg& current, IdMap& ids, Exact exact) {
    if (exact == Exact::yes) return same_exactly(old, current, ids);
    if (exact == Exact::no && ((old.live & live_read) == 0 || old.is(Kind::not_init))) return true;
    if (old.is(Kind::not_init) && current.is(Kind::not_init)) return true;
    if (old.kind != current.kind || old.flags != current.flags) return false;
    switch (old.kind) {
        case Kind::scalar:
            if (!old.precise && exact == Exact::no) return true;
            if ((old.id & id_add_const) != (current.id & id_add_const)) return false;
            if ((old.id & id_add_const) != 0 && old.off != current.off) return false;
            return old.value.covers(current.value) && ids.match_scalar(old.id, current.id);
        case Kind::map_key:
        case Kind::map_value:
        case Kind::mem:
        case Kind::buf:
            return old.off == current.off && same_target(old, current) && old.value.covers(current.value) &&
                   ids.match(old.id, current.id) && ids.match(old.ref_id, current.ref_id) && ids.match(old.dynptr_id, current.dynptr_id);
        case Kind::packet:
        case Kind::packet_meta:
            return old.range <= current.range && old.off == current.off && ids.match(old.id, current.id) && old.value.covers(current.value);
        default:
            return same_exactly(old, current, ids);
    }
}

// Eight bytes that hold a scalar or nothing known are loaded as one scalar.
const Reg* as_scalar(const StackSlot& slot, const Reg& unknown, bool privileged) {
    if (slot.type[0] == SlotType::spill && slot.spilled.is(Kind::scalar)) return &slot.spilled;
    for (const SlotType type : slot.type) {
        if (type != SlotType::misc && !(type == SlotType::invalid && privileged)) return nullptr;
    }
    return &unknown;
}

bool slot_safe(const StackSlot& old, const StackSlot* current, IdMap& ids, Exact exact, bool privileged) {
    if (exact != Exact::no && (current == nullptr || old.type != current->type)) return false;
    if (exact == Exact::no && (old.spilled.live & live_read) == 0) return true;
    bool anything = false;
    for (const SlotType type : old.type) {
        anything = anything || !(type == SlotType::invalid || (privileged && type == SlotType::misc));
    }
    if (!anything) return true;
    if (current == nullptr) return false;

    Reg unknown;
    set_unknown(unknown);
    unknown.live = live_read;
    const Reg* old_scalar = as_scalar(old, unknown, privileged);
    const Reg* current_scalar = as_scalar(*current, unknown, privileged);
    if (old_scalar != nullptr && current_scalar != nullptr) return reg_safe(*old_scalar, *current_scalar, ids, exact);

    for (size_t i = 0; i < 8; ++i) {
        if (old.type[i] == SlotType::invalid || (privileged && old.type[i] == SlotType::misc)) continue;
        if (old.type[i] == SlotType::misc && current->type[i] == SlotType::zero) continue;
        if (old.type[i] != current->type[i]) return false;
    }
    if (old.type[0] == SlotType::dynptr) return same_exactly(old.spilled, current->spilled, ids);
    return old.type[7] != SlotType::spill || reg_safe(old.spilled, current->spilled, ids, exact);
}

bool frame_safe(const Frame& old, const Frame& current, IdMap& ids, Exact exact, bool privileged) {
    if (old.callback_depth > current.callback_depth) return false;  // it was proved for fewer rounds to come
    for (size_t r = 0; r < reg_count; ++r) {
        if (!reg_safe(old.regs[r], current.regs[r], ids, exact)) return false;
    }
    if (old.references.size() != current.references.size()) return false;
    for (size_t i = 0; i < old.references.size(); ++i) {
        if (!ids.match(old.references[i].id, current.references[i].id)) return false;
    }
    for (size_t i = 0; i < old.stack.size(); ++i) {
        if (!slot_safe(old.stack[i], i < current.stack.size() ? &current.stack[i] : nullptr, ids, exact, privileged)) return false;
    }
    return true;
}

void widen_reg(const Reg& earlier, Reg& reg, IdMap& ids) {
    if (!earlier.is(Kind::scalar) || !reg.is(Kind::scalar) || earlier.precise || reg.precise || same_exactly(earlier, reg, ids)) return;
    set_unknown(reg);
}

}  // namespace

void widen(Walk& walk, const State& earlier, State& state) {
    IdMap ids(walk.counts.last_id);
    for (size_t f = 0; f < state.frames.size() && f < earlier.frames.size(); ++f) {
        const Frame& before = *earlier.frames[f];
        Frame& frame = *state.frames[f];
        for (size_t r = 0; r < reg_count; ++r) widen_reg(before.regs[r], frame.regs[r], ids);
        for (size_t i = 0; i < frame.stack.size() && i < before.stack.size(); ++i) {
            if (before.stack[i].type[7] != SlotType::spill || frame.stack[i].type[7] != SlotType::spill) continue;
            widen_reg(before.stack[i].spilled, frame.stack[i].spilled, ids);
        }
    }
}

bool states_equal(Walk& walk, State& old, State& current, Exact exact) {
    if (old.frames.size() != current.frames.size()) return false;
    IdMap ids(walk.counts.last_id);
    if (old.lock.map != current.lock.map || !ids.match(old.lock.id, current.lock.id)) return false;
    for (size_t f = 0; f < old.frames.size(); ++f) {
        if (old.frames[f]->call_site != current.frames[f]->call_site) return false;
        if (!frame_safe(*old.frames[f], *current.frames[f], ids, exact, walk.env.request.privileged)) return false;
    }
    return true;
}

}  // namespace graft::verify
