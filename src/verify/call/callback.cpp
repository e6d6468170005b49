// Helpers that call a function of the program while they run (bpf_loop, bpf_for_each_map_elem), or have it called later
// (bpf_timer_set_callback).
//
// The path in hand goes on behind the call, as if nothing had been called; another one enters the callback, whose exit leads back to the
// call.  So every number of rounds is walked, until one adds nothing (prune/loops).
#include <algorithm>
#include <array>

#include "map/map.h"
#include "verify/call/args.h"
#include "verify/call/call.h"
#include "verify/pointer/pointer.h"
#include "verify/prune/prune.h"
#include "verify/walk/log_text.h"

namespace graft::verify {
namespace {

bool has_elements_to_visit(uint32_t type) {
    constexpr std::array types = {BPF_MAP_TYPE_HASH,  BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH,
                                  BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY};
    return std::ranges::find(types, static_cast<bpf_map_type>(type)) != types.end();
}

// (index, context)
void set_loop_arguments(const Frame& caller, Frame& callback) {
    set_unknown(callback.regs[1]);
    callback.regs[2] = caller.regs[3];
}

// (map, key, value, context)
void set_element_arguments(const Frame& caller, Frame& callback) {
    callback.regs[1] = caller.regs[1];
    set_pointer(callback.regs[2], Kind::map_key);
    set_pointer(callback.regs[3], Kind::map_value);
    callback.regs[2].map = callback.regs[3].map = caller.regs[1].map;
    callback.regs[3].map_uid = caller.regs[1].map_uid;
    callback.regs[4] = caller.regs[3];
}

// Of bpf_timer_set_callback: (map, key, value)
void set_timer_arguments(const Frame& caller, Frame& callback) {
    const Reg& timer = caller.regs[1];
    set_pointer(callback.regs[1], Kind::map_ptr);
    set_pointer(callback.regs[2], Kind::map_key);
    set_pointer(callback.regs[3], Kind::map_value);
    for (size_t r = 1; r <= 3; ++r) callback.regs[r].map = timer.map;
    callback.regs[1].map_uid = callback.regs[3].map_uid = timer.map_uid;
}

// What the program hands over to be called later is walked as a program of its own.
Result<void> enter_later(Walk& walk, uint32_t function, void (*set_arguments)(const Frame&, Frame&)) {
    Env& env = walk.env;
    if (check_call_arguments(walk, function).code() == EFAULT) return fail(EFAULT);
    env.functions[function].is_callback = env.functions[function].is_async_callback = true;
    State state;
    state.branches = 1;
    auto callback = std::make_unique<Frame>();
    callback->call_site = UINT32_MAX;
    callback->function = function;
    callback->in_async_callback = true;
    callback->async_entries = walk.state.frame().async_entries + 1;
    set_pointer(callback->regs[r_fp], Kind::stack);
    set_arguments(walk.state.frame(), *callback);
    state.frames.push_back(std::move(callback));
    walk.touched = UINT32_MAX;
    walk.touched_slots = UINT64_MAX;
    return push_path(walk, std::move(state), env.functions[function].start, walk.insn);
}

Result<void> enter_callback(Walk& walk, uint32_t function, void (*set_arguments)(const Frame&, Frame&)) {
    Env& env = walk.env;
    if (check_call_arguments(walk, function).code() == EFAULT) return fail(EFAULT);
    env.functions[function].is_callback = true;
    State& state = *TRY(push_branch(walk, env.functions[function].start, walk.insn));
    if (state.depth() >= abi::max_call_frames) {
        return env.reject(E2BIG, "the call stack of {} frames is too deep", state.depth() + 1);
    }
    Frame& caller = state.frame();
    auto callback = std::make_unique<Frame>();
    callback->call_site = walk.insn;
    callback->number = state.depth();
    callback->function = function;
    callback->in_callback = true;
    callback->references = caller.references;
    set_pointer(callback->regs[r_fp], Kind::stack);
    callback->regs[r_fp].frame = callback->number;
    set_arguments(caller, *callback);
    ++state.callback_unroll_depth;
    ++caller.callback_depth;
    state.frames.push_back(std::move(callback));
    walk.state.frame().callback_depth = 0;
    // Everything is new to the log, as after the call of a function.
    walk.touched = UINT32_MAX;
    walk.touched_slots = UINT64_MAX;
    return {};
}

}  // namespace

Result<void> call_back(Walk& walk, const HelperCall& call) {
    Env& env = walk.env;
    switch (call.helper->id) {
        case BPF_FUNC_loop: {
            // Linux puts the loop in the call's place when its flags are known to be 0, and counts on that.
            if (walk.reg(4).is_null()) TRY(mark_precise(walk, 4));
            // How often it may run decides when the walk of rounds ends.
            TRY(mark_precise(walk, 1));
            Frame& frame = walk.state.frame();
            if (frame.callback_depth < frame.regs[1].value.u64.max) return enter_callback(walk, call.callback, set_loop_arguments);
            frame.callback_depth = 0;
            if (env.log.verbose()) env.log.print("frame{} bpf_loop iteration limit reached\n", frame.number);
            return {};
        }
        case BPF_FUNC_for_each_map_elem:
            if (!has_elements_to_visit(call.map->spec().type)) return env.reject(abi::enotsupp, "callback function not allowed for map");
            return enter_callback(walk, call.callback, set_element_arguments);
        case BPF_FUNC_timer_set_callback:
            return enter_later(walk, call.callback, set_timer_arguments);
        default:
            return {};
    }
}

Result<void> return_from_callback(Walk& walk) {
    Env& env = walk.env;
    const Frame& callback = walk.state.frame();
    Reg& result = walk.reg(0);
    if (!result.is(Kind::scalar)) return env.reject(EACCES, "R0 not a scalar value");
    mark_read(walk, result);
    TRY(mark_precise(walk, 0));
    TRY(require_result_in(walk, 0, "callback return", {0, 1}));
    const uint32_t call = callback.call_site;
    if (log_walk(walk)) {
        env.log.print("returning from callee:\n{}\n", describe(callback, true, 0, 0));
        env.log.print("to caller at {}:\n{}\n", call, describe(*walk.state.frames[walk.state.frames.size() - 2], true, 0, 0));
    }
    walk.state.frames.pop_back();
    walk.insn = call;
    walk.print_all = true;
    if (const State* earlier = earlier_round(walk, walk.state, call)) widen(walk, *earlier, walk.state);
    return {};
}

}  // namespace graft::verify
