// Which registers and slots of a checkpoint anybody read before writing: the others need not match.
#include <algorithm>

#include "verify/prune/prune.h"

namespace graft::verify {
namespace {

// Marks `place` read and goes on to what it continues, until a write in between screens it or it is known already.
void read_from(Walk& walk, Reg* place) {
    uint32_t steps = 0;
    while (place != nullptr && (place->live & live_read) == 0) {
        place->live |= live_read;
        ++steps;
        if ((place->live & live_written) != 0) break;
        place = place->parent;
    }
    walk.counts.longest_mark_read = std::max(walk.counts.longest_mark_read, steps);
}

}  // namespace

void mark_read(Walk& walk, Reg& reg) {
    if ((reg.live & live_written) == 0) read_from(walk, reg.parent);
}

// What the continuation of `old` read, the path in hand reads too.
void propagate_liveness(Walk& walk, const State& old, State& current) {
    const size_t top = current.frames.size() - 1;
    for (size_t f = 0; f <= top; ++f) {
        const Frame& from = *old.frames[f];
        Frame& to = *current.frames[f];
        for (size_t r = f < top ? 6 : 0; r < r_fp; ++r) {
            if ((from.regs[r].live & live_read) != 0) read_from(walk, &to.regs[r]);
        }
        const size_t slots = std::min(from.stack.size(), to.stack.size());
        for (size_t i = 0; i < slots; ++i) {
            if ((from.stack[i].spilled.live & live_read) != 0) read_from(walk, &to.stack[i].spilled);
        }
    }
}

// A checkpoint whose paths have all ended: what nobody read is forgotten, so that more states match it.
void forget_unread(State& state) {
    if ((state.frames[0]->regs[0].live & live_done) != 0) return;
    for (auto& frame : state.frames) {
        for (size_t r = 0; r < r_fp; ++r) {
            Reg& reg = frame->regs[r];
            reg.live |= live_done;
            if ((reg.live & live_read) == 0) set_not_init(reg);
        }
        for (StackSlot& slot : frame->stack) {
            slot.spilled.live |= live_done;
            if ((slot.spilled.live & live_read) != 0) continue;
            set_not_init(slot.spilled);
            slot.type.fill(SlotType::invalid);
        }
    }
}

}  // namespace graft::verify
