#include "verify/call/references.h"

#include <algorithm>

#include "map/map.h"
#include "verify/pointer/pointer.h"

namespace graft::verify {
namespace {

uint32_t callback_number(const Frame& frame) { return frame.in_callback ? frame.number : 0; }

// A callback may not give back what its caller holds.
bool forget(Frame& frame, uint32_t id) {
    std::vector<Reference>& held = frame.references;
    const auto found = std::ranges::find(held, id, &Reference::id);
    if (found == held.end() || (frame.in_callback && found->callback != frame.number)) return false;
    held.erase(found);
    return true;
}

}  // namespace

uint32_t acquire_reference(Walk& walk) {
    const uint32_t id = walk.next_id();
    walk.state.frame().references.push_back({.id = id, .insn = walk.insn, .callback = callback_number(walk.state.frame())});
    return id;
}

bool release_reference(Walk& walk, uint32_t id) {
    if (!forget(walk.state.frame(), id)) return false;
    for_each_reg(walk.state, [&](Reg& reg) {
        if (reg.ref_id != id) return;
        if (walk.env.request.privileged) {
            set_unknown(reg);
        } else {
            set_not_init(reg);
        }
    });
    return true;
}

void drop_reference(State& state, uint32_t id) { (void)forget(state.frame(), id); }

Result<void> require_no_references(Walk& walk, bool with_callers) {
    const Frame& frame = walk.state.frame();
    bool held = false;
    for (const Reference& reference : frame.references) {
        if (!with_callers && frame.in_callback && reference.callback != frame.number) continue;
        walk.env.log.print("Unreleased reference id={} alloc_insn={}\n", reference.id, reference.insn);
        held = true;
    }
    if (held) return fail(EINVAL, "refused by the verifier: a reference is not released");
    return {};
}

Result<void> change_lock(Walk& walk, uint32_t number, LockChange change) {
    Env& env = walk.env;
    const Reg& reg = walk.reg(number);
    HeldLock& held = walk.state.lock;
    TRY(require_field_at(walk, number, FieldKind::spin_lock, "bpf_spin_lock"));
    if (change == LockChange::lock) {
        if (held.map != nullptr) return env.reject(EINVAL, "Locking two bpf_spin_locks are not allowed");
        held = {.map = reg.map, .id = reg.id};
        return {};
    }
    if (held.map == nullptr) return env.reject(EINVAL, "bpf_spin_unlock without taking a lock");
    if (held.map != reg.map || held.id != reg.id) return env.reject(EINVAL, "bpf_spin_unlock of different lock");
    held = {};
    return {};
}

Result<void> require_call_allowed(Walk& walk, const bpf_insn& insn) {
    if (walk.state.lock.map == nullptr) return {};
    if (insn.src_reg == BPF_PSEUDO_CALL || (insn.src_reg == 0 && insn.imm == BPF_FUNC_spin_unlock)) return {};
    return walk.env.reject(EINVAL, "function calls are not allowed while holding a lock");
}

}  // namespace graft::verify
