#include "engine/x86_64/frame.h"

#include <algorithm>

#include "engine/x86_64/registers.h"

namespace graft::x86_64 {
namespace {

constexpr uint32_t red_zone = 128;  // below rsp, not overwritten by signal handlers

void add(Frame& frame, const Decoded& op) {
    const auto names = [&](uint8_t reg) {
        if (reg >= r6 && reg <= r9) frame.saves[reg - r6] = true;  // also where it is only read: then it was written before
        if (reg == frame_pointer) frame.has_pointer = true;
    };
    switch (op.operation) {
        using enum Operation;
        case unreachable:
        case ja:
        case exit:
            return;
        case call_helper:
        case call_subprogram:
            frame.calls = true;
            frame.uses_run |= op.unwinding != Unwinding::none;
            return;
        case throw_exception:
        case tail_call:
            frame.calls = frame.uses_run = true;
            return;
        case may_goto:
            frame.may_goto_budget = -1;  // wanted
            return;
        case ld_abs8:
        case ld_abs16:
        case ld_abs32:
        case ld_ind8:
        case ld_ind16:
        case ld_ind32:
            frame.calls = true;
            return names(op.src);
        default:
            names(op.dst);
            names(op.src);
    }
}

}  // namespace

Frame Frame::of(std::span<const Decoded> operations, std::span<const Inlined> inlined, uint32_t stack_depth) {
    Frame frame;
    for (size_t i = 0; i < operations.size(); ++i) {
        if (inlined[i].any()) {
            frame.uses_run |= inlined[i].needs_run();
        } else {
            add(frame, operations[i]);
        }
    }
    if (frame.may_goto_budget != 0) {
        stack_depth = ((stack_depth + 7) & ~7U) + 8;
        frame.may_goto_budget = -static_cast<int32_t>(stack_depth);
        frame.has_pointer = true;
    }
    if (frame.has_pointer) frame.local = (stack_depth + 7) & ~7U;
    if (!frame.calls) {
        frame.in_red_zone = frame.local <= red_zone;
        return frame;
    }
    const auto pushed = 1 + std::ranges::count(frame.saves, true) + (frame.has_pointer ? 1 : 0);
    if ((static_cast<uint32_t>(pushed) * 8 + frame.local) % 16 != 0) frame.local += 8;
    return frame;
}

}  // namespace graft::x86_64
