// bpf_timer_init, bpf_timer_set_callback, bpf_timer_start and bpf_timer_cancel.

#include <array>

#include "abi/bpf.h"
#include "helper/callback.h"
#include "helper/families.h"
#include "map/map.h"
#include "map/timers.h"

namespace graft {
namespace {

uint64_t timer_init(uint64_t timer, uint64_t map, uint64_t flags, uint64_t, uint64_t) {
    return answer(Timers::init(pointer_in<void>(timer), *pointer_in<Map>(map), flags));
}

uint64_t timer_set_callback(uint64_t timer, uint64_t function, uint64_t, uint64_t, uint64_t) {
    return answer(Timers::set_callback(pointer_in<void>(timer), *pointer_in<const Callback>(function)));
}

uint64_t timer_start(uint64_t timer, uint64_t nanoseconds, uint64_t flags, uint64_t, uint64_t) {
    return answer(Timers::start(pointer_in<void>(timer), nanoseconds, flags));
}

uint64_t timer_cancel(uint64_t timer, uint64_t, uint64_t, uint64_t, uint64_t) { return answer(Timers::cancel(pointer_in<void>(timer))); }

constexpr auto rows = std::to_array<Helper>({
    {.id = BPF_FUNC_timer_init, .name = "bpf_timer_init", .function = timer_init, .args = {Arg::timer, Arg::const_map_ptr, Arg::anything}},
    {.id = BPF_FUNC_timer_set_callback,
     .name = "bpf_timer_set_callback",
     .function = timer_set_callback,
     .args = {Arg::timer, Arg::callback}},
    {.id = BPF_FUNC_timer_start, .name = "bpf_timer_start", .function = timer_start, .args = {Arg::timer, Arg::anything, Arg::anything}},
    {.id = BPF_FUNC_timer_cancel, .name = "bpf_timer_cancel", .function = timer_cancel, .args = {Arg::timer}},
});

}  // namespace

std::span<const Helper> timer_helpers() { return rows; }

}  // namespace graft
