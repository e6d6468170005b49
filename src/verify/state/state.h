// State: what the verifier knows at one instruction of one path: a frame for each function on the call stack.
//
// States form a tree by `parent`: a checkpoint in the table of explored states is the parent of those that continue from it.  Explored
// states never move in memory, since the registers of their descendants point into them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "verify/state/reg.h"

namespace graft::verify {

struct Env;

enum class SlotType : uint8_t { invalid, spill, misc, zero, dynptr };

// Eight bytes of stack.  type[7] is the byte at the lowest address, as the log prints them from type[7] ... in reversed order.
struct StackSlot {
    Reg spilled;
    std::array<SlotType, 8> type{};
};

// Something that a helper gave out and that must be given back.
struct Reference {
    uint32_t id = 0;
    uint32_t insn = 0;      // the call that gave it
    uint32_t callback = 0;  // number of the callback's frame that took it, and must give it back; 0: no callback
};

// The bpf_spin_lock that is held: of which map's which value.  No map: none is.
struct HeldLock {
    const Map* map = nullptr;
    uint32_t id = 0;
};

struct Frame {
    std::array<Reg, reg_count> regs;
    std::vector<StackSlot> stack;       // [i]: bytes fp - 8(i+1) .. fp - 8i - 1
    uint32_t call_site = 0;             // instruction of the call in the caller; main: UINT32_MAX
    uint32_t number = 0;                // depth, 0: the function verification started with
    uint32_t function = 0;              // Env::functions
    bool in_callback = false;           // called by a helper, to which it returns
    bool in_async_callback = false;     // called later, by nobody of the program
    uint32_t async_entries = 0;         // callbacks within which this one was handed over
    uint32_t callback_depth = 0;        // of the function that calls a callback: rounds of it on this path
    std::vector<Reference> references;  // held while this frame is the innermost: they go to the callee and come back

    [[nodiscard]] uint32_t allocated_stack() const { return static_cast<uint32_t>(stack.size()) * 8; }
};

// What backtracking must know of an instruction on the path (prune/precision).
struct HistoryEntry {
    uint32_t index = 0;
    uint32_t previous = 0;
    bool stack_access = false;  // it spilled to or filled from a stack slot through any register
    uint8_t frame = 0;
    uint8_t slot = 0;
    uint64_t linked = 0;  // registers and slots that a branch narrowed together, packed (prune/linked)
};

struct State {
    std::vector<std::unique_ptr<Frame>> frames;
    State* parent = nullptr;
    uint32_t first_insn = 0;  // where this state begins
    uint32_t last_insn = 0;   // the instruction before the current one
    uint32_t insn = 0;        // explored: the instruction it was stored at
    uint32_t branches = 0;    // paths from it that are not finished
    uint32_t dfs_depth = 0;
    // Rounds of callbacks and of loops by may_goto on this path: states that differ in them are no endless loop.
    uint32_t callback_unroll_depth = 0;
    uint32_t may_goto_depth = 0;
    // A checkpoint that the walk came back to from here, while it was still walked from: this state is part of a loop, and proves nothing
    // for others before the whole loop was walked.  Null: none.  See prune/loops.
    State* loop_entry = nullptr;
    HeldLock lock;
    bool changes_packet_seen = false;
    std::vector<HistoryEntry> history;

    State() = default;
    State(State&&) = default;
    State& operator=(State&&) = default;
    State(const State& other);
    State& operator=(const State& other);

    [[nodiscard]] Frame& frame() { return *frames.back(); }
    [[nodiscard]] const Frame& frame() const { return *frames.back(); }
    [[nodiscard]] std::array<Reg, reg_count>& regs() { return frames.back()->regs; }
    [[nodiscard]] uint32_t depth() const { return static_cast<uint32_t>(frames.size()); }
};

// Calls f(Reg&) for every register and spilled register of the state (or of its current frame).
template <class F>
void for_each_reg(State& state, F&& visit) {
    for (auto& frame : state.frames) {
        for (Reg& reg : frame->regs) visit(reg);
        for (StackSlot& slot : frame->stack) {
            if (slot.type[7] == SlotType::spill) visit(slot.spilled);
        }
    }
}

// Text of one register: "scalar(id=1,umax=255)", "ctx()", "fp-8" ...
[[nodiscard]] std::string describe(const Frame& frame, const Reg& reg);

// What the log shows of a frame: only registers in `touched` (bit n: Rn) and slots in `touched_slots`, unless all are wanted.
[[nodiscard]] std::string describe(const Frame& frame, bool all, uint32_t touched, uint64_t touched_slots);

}  // namespace graft::verify
